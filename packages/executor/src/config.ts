/**
 * The executor's resolved configuration, parsed once from `unknown`. Never read from anywhere else later, and never
 * lenient: an unknown member is an error, because a misspelt limit is a limit that is not there.
 */
import {
  DAuthError,
  exactObject,
  integer,
  LIMITS,
  list,
  parseJson,
  parseOperatorRules,
  parseResource,
  refuse,
  text,
  type OperatorRules,
} from '@dauth/protocol';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ExecutorConfig {
  readonly listen: Address;
  /** The private listener: health, counts, the OpenAPI document, without authentication. None by default. */
  readonly metrics?: Address;
  /** The `aud` of dispatch tokens: https, or http on loopback. No trailing slash. */
  readonly resource: string;
  /**
   * This node's own base URL, compared with every `htu`. Default `resource`. No other node may have the same one: each
   * remembers the proofs it took for itself, so behind one URL a proof would be good once on each.
   */
  readonly node: string;
  /** The authority's base URL: https, or http on loopback. */
  readonly issuer: string;
  /** Directory of keys, journal and memory; made with mode 0700. */
  readonly data: string;
  readonly upstream: {
    /** PEM files added to the trust store. */
    readonly ca: readonly string[];
    /** Tests and demos only: lets http and loopback addresses be dialled. Refused with a public listen address. */
    readonly dangerouslyAllowLoopback: boolean;
  };
  /** Greatest age of the status view in milliseconds. Default and upper bound 750 (§6). */
  readonly freshnessMs: number;
  /** An operator's word that the authority was restored and that this lower revision is right. Counts once. */
  readonly acceptRevision?: number;
  readonly limits: ExecutorLimits;
  /** What the operator refuses, whatever envelopes and tokens say. */
  readonly rules: OperatorRules;
}

/** Each default is also the most. */
export interface ExecutorLimits {
  /** Dispatches at once, a quarter of them for one owner or server key; more are `RATE_LIMITED`. Default 1,024. */
  readonly concurrency: number;
  /** Octets of the JSON body of a buffered dispatch. Default 4 MiB. */
  readonly bufferedRequestBytes: number;
  /** Octets of the answer of a buffered dispatch. Default 8 MiB. */
  readonly bufferedResponseBytes: number;
  /** Octets of the answer of a streaming dispatch. Default 1 GiB. */
  readonly streamedResponseBytes: number;
  /** Milliseconds of one whole dispatch upstream. Default 600,000. */
  readonly totalMs: number;
  /** Octets of one preallocated journal segment. Default 4 MiB. */
  readonly segmentBytes: number;
  /** Refusals at steps 3 and 4 that are journaled per minute; more are counted. Default 600. */
  readonly refusalsPerMinute: number;
  /** Milliseconds in which open dispatches may end after SIGTERM. Default 10,000. */
  readonly drainMs: number;
}

const DEFAULT_LIMITS: ExecutorLimits = {
  concurrency: 1_024,
  bufferedRequestBytes: 4_194_304,
  bufferedResponseBytes: 8_388_608,
  streamedResponseBytes: 1_073_741_824,
  totalMs: 600_000,
  segmentBytes: 4_194_304,
  refusalsPerMinute: 600,
  drainMs: 10_000,
};
/** A segment must hold many records, or rolling would cost more than writing. */
const LEAST: Partial<Record<keyof ExecutorLimits, number>> = { segmentBytes: 65_536, refusalsPerMinute: 0, drainMs: 0 };
const MAX_CONFIG = 65_536;
const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/;

/** @throws DAuthError `INVALID_REQUEST` with a sentence that names the member */
export function parseConfig(json: string): ExecutorConfig {
  const config = exactObject(
    parseJson(json, MAX_CONFIG),
    'The executor configuration',
    ['listen', 'resource', 'issuer', 'data', 'upstream'],
    ['metrics', 'node', 'freshnessMs', 'acceptRevision', 'limits', 'rules'],
  );
  const listen = parseAddress(config.listen, 'listen');
  const metrics = config.metrics === undefined ? undefined : parseAddress(config.metrics, 'metrics');
  if (metrics !== undefined && metrics.port !== 0 && metrics.port === listen.port)
    refuse('"metrics" must have a port of its own: what it says is for the operator, not for callers.');
  const upstream = exactObject(config.upstream, '"upstream"', [], ['ca', 'dangerouslyAllowLoopback']);
  const { host } = listen;
  const dangerouslyAllowLoopback = flag(upstream.dangerouslyAllowLoopback, '"upstream.dangerouslyAllowLoopback"');
  if (dangerouslyAllowLoopback && !isLoopback(host)) {
    refuse(
      '"upstream.dangerouslyAllowLoopback" is for tests and demos: it cannot be used with a public "listen.host".',
    );
  }
  const resource = parseBase(config.resource, '"resource"');
  const node = config.node === undefined ? resource : parseBase(config.node, '"node"');
  if ([resource, node].some((base) => base.startsWith('http:')) && !isLoopback(host))
    refuse('"listen.host" must be a loopback address while "resource" or "node" is http.');
  return Object.freeze({
    listen,
    ...(metrics === undefined ? {} : { metrics }),
    resource,
    node,
    issuer: parseBase(config.issuer, '"issuer"'),
    data: text(config.data, '"data"', 4_096),
    upstream: Object.freeze({
      ca:
        upstream.ca === undefined
          ? []
          : list(upstream.ca, '"upstream.ca"', 0, 32, (v) => text(v, '"upstream.ca"', 4_096)),
      dangerouslyAllowLoopback,
    }),
    freshnessMs:
      config.freshnessMs === undefined
        ? LIMITS.freshnessMs
        : integer(config.freshnessMs, '"freshnessMs"', LIMITS.heartbeatMs, LIMITS.freshnessMs),
    ...(config.acceptRevision === undefined
      ? {}
      : { acceptRevision: integer(config.acceptRevision, '"acceptRevision"', 0, Number.MAX_SAFE_INTEGER) }),
    limits: parseLimits(config.limits),
    rules: parseOperatorRules(config.rules),
  });
}

/** Whether a host name or address can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host.replace(/^\[|\]$/g, ''));
}

function parseAddress(value: unknown, name: string): Address {
  const { host, port } = exactObject(value, `"${name}"`, ['host', 'port']);
  return Object.freeze({ host: text(host, `"${name}.host"`, 255), port: integer(port, `"${name}.port"`, 0, 65_535) });
}

/** A base URL: compared as text and continued with paths, so exactly an origin with an optional plain path. */
function parseBase(value: unknown, what: string): string {
  const base = parseResource(value);
  const url = URL.canParse(base) ? new URL(base) : refuse(`${what} must be a URL.`);
  if (base.endsWith('/') || url.search !== '' || `${url.origin}${url.pathname === '/' ? '' : url.pathname}` !== base) {
    refuse(`${what} must be a plain base URL without a trailing slash or a query.`);
  }
  if (url.protocol !== 'https:' && !isLoopback(url.hostname)) refuse(`${what} must be https, or http on loopback.`);
  return base;
}

function parseLimits(value: unknown): ExecutorLimits {
  if (value === undefined) return DEFAULT_LIMITS;
  const names = Object.keys(DEFAULT_LIMITS) as (keyof ExecutorLimits)[];
  const given = exactObject(value, '"limits"', [], names);
  const limits = { ...DEFAULT_LIMITS };
  for (const name of names) {
    if (given[name] === undefined) continue;
    limits[name] = integer(given[name], `"limits.${name}"`, LEAST[name] ?? 1, Number.MAX_SAFE_INTEGER);
    if (limits[name] > DEFAULT_LIMITS[name])
      refuse(`"limits.${name}" may only narrow: at most ${DEFAULT_LIMITS[name]}.`);
  }
  return Object.freeze(limits);
}

function flag(value: unknown, what: string): boolean {
  if (value !== undefined && typeof value !== 'boolean') refuse(`${what} must be true or false.`);
  return value ?? false;
}

/** Whether somebody else listens where this was to. */
export function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

/** Turns a configuration error into the one line an operator needs. */
export function configSentence(error: unknown): string {
  if (error instanceof DAuthError) return error.publicMessage;
  if (error instanceof TypeError) return error.message;
  return isAddressInUse(error)
    ? 'An address to listen on is in use already. Stop what listens there, or choose another port.'
    : 'The executor could not start.';
}
