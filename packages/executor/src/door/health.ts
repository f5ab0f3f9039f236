/**
 * Whether this node lives and is ready, said the same way on both listeners; `dauth start` and load balancers ask.
 * Never why in more words than a code and its sentence, and never a refusal that counts.
 */
import { asDAuthError } from '@dauth/protocol';
import { answerJson, answerProblem, type Exchanged } from './answers.ts';
import type { ShapedRequest } from './request-shape.ts';
import type { Route } from './server.ts';

export interface HealthDeps {
  /** Throws what keeps this node from serving. */
  readonly assertReady: () => void;
}

/** A route that is only read. */
export function reading<Deps>(serve: Route<Deps>['serve']): Route<Deps> {
  return { methods: ['GET', 'HEAD'], serve };
}

export const HEALTH: readonly (readonly [path: string, route: Route<HealthDeps>])[] = [
  ['/livez', reading((at) => answerJson(at, 200, '{"status":"ok"}'))],
  ['/readyz', reading(serveReady)],
];

function serveReady(at: Exchanged, _shaped: ShapedRequest, deps: HealthDeps): void {
  try {
    deps.assertReady();
    answerJson(at, 200, '{"status":"ready"}');
  } catch (error) {
    // Answered here: whoever polls until the node is ready asked for nothing that could be refused.
    answerProblem(at, asDAuthError(error));
  }
}
