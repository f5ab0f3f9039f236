/**
 * Counters of the authority in Prometheus' text format (0.0.4), served on an address of their own.
 * Never a label that somebody sent, and none for an owner: labels come from tables of ours, so they are few and say nothing.
 */
import { Hono } from 'hono';
import type { Authority } from './context.ts';
import { health, VERSION } from './health.ts';
import { installEdge, type EdgeOptions, type HttpEnv } from './http.ts';
import type { Log, LogEvent } from './log.ts';
import type { Store } from './store/store.ts';

const FAMILIES = {
  dauth_authority_requests_total: 'Requests answered, by route and status.',
  dauth_authority_tokens_total: 'Tokens issued, by grant type.',
  dauth_authority_refusals_total: 'Requests refused, by code.',
} as const;
type Family = keyof typeof FAMILIES;
type Labels = Readonly<Record<string, string | number>>;

/** Which log event counts where, and under which of its members. */
const EVENTS: ReadonlyMap<string, readonly [family: Family, label: string, member: string]> = new Map([
  ['token', ['dauth_authority_tokens_total', 'grant_type', 'grant_type']],
  ['token_refused', ['dauth_authority_refusals_total', 'code', 'error']],
  ['device_refused', ['dauth_authority_refusals_total', 'code', 'error']],
  ['push_refused', ['dauth_authority_refusals_total', 'code', 'error']],
  ['authorize_refused', ['dauth_authority_refusals_total', 'code', 'error']],
  ['revocation_refused', ['dauth_authority_refusals_total', 'code', 'error']],
  ['introspection_refused', ['dauth_authority_refusals_total', 'code', 'error']],
  ['refused', ['dauth_authority_refusals_total', 'code', 'code']],
  ['body_aborted', ['dauth_authority_refusals_total', 'code', 'event']],
]);

export class Metrics {
  readonly #counts = new Map<Family, Map<string, number>>();

  /** A log that also counts what goes through it. */
  watch(log: Log): Log {
    return (event: LogEvent) => {
      const [family, label, member] = EVENTS.get(event.event) ?? [];
      if (family !== undefined) this.#count(family, { [label!]: String(event[member!]) });
      log(event);
    };
  }

  /** @param route the pattern that matched, never the path that was sent */
  answered(route: string, status: number): void {
    this.#count('dauth_authority_requests_total', { route, status });
  }

  /** The whole exposition; what is stored is counted when it is asked for. */
  render(store: Store): string {
    const families = Object.entries(FAMILIES).flatMap(([family, help]) => [
      ...head(family, 'counter', help),
      ...[...(this.#counts.get(family as Family) ?? [])].map(([labels, count]) => `${family}${labels} ${count}`),
    ]);
    const gauge = 'dauth_authority_connections';
    const connections = store.connections.countByStatus();
    const stored = connections.map(({ status, count }) => `${gauge}${format({ status })} ${count}`);
    return [...families, ...head(gauge, 'gauge', 'Connections that are not deleted, by status.'), ...stored, ''].join(
      '\n',
    );
  }

  #count(family: Family, labels: Labels): void {
    const counts = this.#counts.get(family) ?? new Map<string, number>();
    this.#counts.set(family, counts);
    const key = format(labels);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
}

function head(name: string, type: 'counter' | 'gauge', help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function format(labels: Labels): string {
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')}}`;
}

/** Health, version and `/metrics`, and nothing else: for an address that only the operator's own network reaches. */
export function metricsApp(
  metrics: Metrics,
  { store, directory }: Pick<Authority, 'store' | 'directory'>,
  edge: EdgeOptions,
): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  installEdge(app, edge);
  health(app, directory);
  // Which Node runs here is for whoever patches it, and tells everybody else which holes to try.
  app.get('/version', (c) => c.json({ ...VERSION, node: process.version }));
  app.get('/metrics', (c) =>
    c.body(metrics.render(store), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
  return app;
}
