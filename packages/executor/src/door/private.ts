/**
 * The addresses of the private listener, for the operator's own network: health, version, counts, the OpenAPI document.
 * Never a dispatch, a try or anything else that touches a credential, and nothing that names anybody.
 */
import { answerJson, answerText } from './answers.ts';
import { HEALTH, reading, type HealthDeps } from './health.ts';
import { METRICS_TYPE } from './metrics.ts';
import { openApi } from './openapi.ts';
import type { Route, ServerDeps } from './server.ts';

export interface PrivateDeps extends ServerDeps, HealthDeps {
  /** The executor's public base URL. */
  readonly resource: string;
  readonly version: string;
  /** The whole exposition. */
  readonly metrics: () => string;
}

const ROUTES: ReadonlyMap<string, Route<PrivateDeps>> = new Map<string, Route<PrivateDeps>>([
  ...HEALTH,
  // Which Node runs here is for whoever patches it, and tells everybody else which holes to try.
  [
    '/version',
    reading((at, _shaped, { version }) =>
      answerJson(at, 200, JSON.stringify({ name: 'dauth-executor', version, node: process.version })),
    ),
  ],
  ['/metrics', reading((at, _shaped, { metrics }) => answerText(at, 200, METRICS_TYPE, metrics()))],
  [
    '/openapi.json',
    reading((at, _shaped, { resource, version }) => answerJson(at, 200, JSON.stringify(openApi(resource, version)))),
  ],
]);

export function findPrivateRoute(path: string): Route<PrivateDeps> | undefined {
  return ROUTES.get(path);
}
