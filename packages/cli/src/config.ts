/**
 * Configuration of a stack: one YAML or JSON file, environment `DAUTH_*` (with `_FILE` twins), flags, in rising priority.
 * Unknown keys are errors; every value knows where it came from. Never holds a secret.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parse as parseYaml } from 'yaml';
import { trustedIssuers } from './issuers.ts';
import { CONFIGURING } from './environment.ts';
import { operatorRules } from './operator-schema.ts';
import { usage } from './output.ts';

/** What is said on a private listener is for the operator; nobody is asked who they are there. */
const PRIVATE =
  'HOST:PORT of a private listener: /livez, /readyz, /version, /metrics, without authentication. Default: none.';
const listen = z.string().regex(/^[^\s]+:\d{1,5}$/, 'must be HOST:PORT');

/** What the executor does without a word here; a configuration may take less, never more. */
const LIMITS: Readonly<Record<string, { readonly most: number; readonly least: number; readonly about: string }>> = {
  concurrency: { most: 1_024, least: 1, about: 'Dispatches at once' },
  bufferedRequestBytes: { most: 4_194_304, least: 1, about: 'Octets of the JSON body of a buffered dispatch' },
  bufferedResponseBytes: { most: 8_388_608, least: 1, about: 'Octets of the answer of a buffered dispatch' },
  streamedResponseBytes: { most: 1_073_741_824, least: 1, about: 'Octets of the answer of a streaming dispatch' },
  totalMs: { most: 600_000, least: 1, about: 'Milliseconds of one whole dispatch upstream' },
  segmentBytes: { most: 4_194_304, least: 65_536, about: 'Octets of one journal segment' },
  refusalsPerMinute: { most: 600, least: 0, about: 'Refusals that are journaled one by one; more are counted' },
  drainMs: { most: 10_000, least: 0, about: 'Milliseconds in which open dispatches may end after SIGTERM' },
};
const limits = z.strictObject(
  Object.fromEntries(
    Object.entries(LIMITS).map(([name, { most, least, about }]) => [
      name,
      z.int().min(least).max(most).optional().describe(`${about}. Default and most: ${most}.`),
    ]),
  ),
);

export const schema = z.strictObject({
  authority: z
    .strictObject({
      issuer: z.url().optional().describe('Public base URL of the authority. Default: http://127.0.0.1:PORT.'),
      listen: listen.optional().describe('HOST:PORT. Default 127.0.0.1:4180.'),
      metrics: listen.optional().describe(PRIVATE),
      database: z.string().optional().describe('sqlite:PATH. Default: in the data directory.'),
      redis: z.string().optional().describe('Not in this version.'),
      bearerException: z
        .enum(['marked-clients', 'off'])
        .optional()
        .describe('Tokens without a key: for clients an operator marked, or for none. Default marked-clients.'),
      accessTokenSeconds: z.int().min(10).max(300).optional().describe('Life of access tokens. Default 300.'),
      keys: z
        .strictObject({
          rotateAfter: z
            .int()
            .min(0)
            .max(3_650)
            .optional()
            .describe('Days after which a signing key is replaced; 0: never by itself. Default 90.'),
          publishAhead: z
            .int()
            .min(15)
            .max(86_400)
            .optional()
            .describe('Seconds for which the next signing key is published before it signs. Default 660.'),
        })
        .prefault({}),
      dispatchTokenSeconds: z.int().min(5).max(120).optional().describe('Life of dispatch tokens. Default 120.'),
      outside: z
        .strictObject({
          ca: z.array(z.string()).default([]).describe("PEM files added to the trust store for others' documents."),
          dangerouslyAllowLoopback: z
            .boolean()
            .default(false)
            .describe('Tests and demos only: documents on this machine, also over http.'),
        })
        .prefault({}),
      trustedIssuers,
      clients: z
        .strictObject({
          documents: z
            .boolean()
            .default(true)
            .describe('Whether a client id may be the URL of a document about the client. Default true.'),
          documentHosts: z
            .array(z.string())
            .optional()
            .describe('Hosts of such documents, as they stand in a URL. Default: any.'),
          registration: z
            .enum(['off', 'open'])
            .default('off')
            .describe('Whether anybody may register a client (RFC 7591). Default off.'),
        })
        .prefault({}),
    })
    .prefault({}),
  executor: z
    .strictObject({
      resource: z.url().optional().describe('Public base URL of the executor. Default: http://127.0.0.1:PORT+1.'),
      listen: listen.optional().describe('HOST:PORT. Default 127.0.0.1:4181.'),
      metrics: listen.optional().describe(PRIVATE),
      keys: z
        .strictObject({ provider: z.literal('file').default('file').describe('Where the opening key lives.') })
        .prefault({}),
      upstream: z
        .strictObject({
          ca: z.array(z.string()).default([]).describe('PEM files added to the trust store for upstream TLS.'),
          dangerouslyAllowLoopback: z
            .boolean()
            .default(false)
            .describe('Tests and demos only: upstreams on this machine. Makes the level "development".'),
        })
        .prefault({}),
      freshnessMs: z
        .int()
        .min(250)
        .max(750)
        .optional()
        .describe('Age of the status view beyond which the executor refuses, in milliseconds. Default 750.'),
      acceptRevision: z
        .int()
        .min(0)
        .optional()
        .describe('After a restored backup: the lower revision that is right, confirmed once by an operator.'),
      limits: limits.optional().describe('Size and time limits; may only narrow.'),
      rules: operatorRules.optional(),
    })
    .prefault({}),
});

export type StackConfig = z.output<typeof schema>;
export type Origins = ReadonlyMap<string, string>;

/** Dotted key → environment variable: `executor.upstream.ca` is `DAUTH_EXECUTOR_UPSTREAM_CA`. */
export function environmentName(key: string): string {
  return `DAUTH_${key
    .replaceAll('.', '_')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}

/** Every key, and what holds where nothing is said. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  'authority.issuer': 'http://127.0.0.1:PORT',
  'authority.listen': '127.0.0.1:4180',
  'authority.metrics': null,
  'authority.database': 'sqlite:DATA/authority/authority.db',
  'authority.redis': null,
  'authority.bearerException': 'marked-clients',
  'authority.accessTokenSeconds': 300,
  'authority.dispatchTokenSeconds': 120,
  'authority.keys.rotateAfter': 90,
  'authority.keys.publishAhead': 660,
  'authority.outside.ca': [],
  'authority.outside.dangerouslyAllowLoopback': false,
  'authority.trustedIssuers': [],
  'authority.clients.documents': true,
  'authority.clients.documentHosts': null,
  'authority.clients.registration': 'off',
  'executor.resource': 'http://127.0.0.1:PORT+1',
  'executor.listen': '127.0.0.1:4181',
  'executor.metrics': null,
  'executor.keys.provider': 'file',
  'executor.upstream.ca': [],
  'executor.upstream.dangerouslyAllowLoopback': false,
  'executor.freshnessMs': 750,
  'executor.acceptRevision': null,
  'executor.rules': null,
  ...Object.fromEntries(Object.entries(LIMITS).map(([name, { most }]) => [`executor.limits.${name}`, most])),
};
const KEYS = Object.keys(DEFAULTS);
/** Keys, and the sections they are in: a section can be misspelt, too. */
const NAMES = [...new Set(KEYS.flatMap((key) => key.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.'))))];

/** @throws CliError (usage) with a sentence per mistake */
export function loadConfig(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
): { config: StackConfig; origins: Origins } {
  const raw = file === undefined ? {} : readFile(file);
  const origins = new Map<string, string>();
  mark(raw, '', `file ${file ?? ''}`, origins);
  readEnvironment(env, (key, value, from) => {
    assign(raw, key.split('.'), convert(key, value));
    origins.set(key, `environment ${from}`);
  });
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw usage(parsed.error.issues.map(describeIssue).join('\n'), 'See docs/configuration.md.');
  const config = parsed.data;
  if (config.authority.redis !== undefined) throw usage('authority.redis is not in this version; leave it out.');
  if (config.authority.database !== undefined && !config.authority.database.startsWith('sqlite:')) {
    throw usage('authority.database takes sqlite:PATH in this version.');
  }
  return { config, origins };
}

/** Every key with its value and where it came from. */
export function explainConfig(
  config: StackConfig,
  origins: Origins,
): { key: string; value: unknown; origin: string }[] {
  return KEYS.map((key) => ({
    key,
    value:
      key.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], config) ??
      DEFAULTS[key],
    origin: origins.get(key) ?? [...origins].find(([inner]) => inner.startsWith(`${key}.`))?.[1] ?? 'default',
  }));
}

/** A variable that starts like ours and is none of them is a typing error, not somebody else's. */
function readEnvironment(env: NodeJS.ProcessEnv, take: (key: string, value: string, from: string) => void): void {
  const names = new Map(KEYS.map((key) => [environmentName(key), key]));
  for (const [from, value] of Object.entries(env)) {
    if (value === undefined || !CONFIGURING.test(from)) continue;
    const name = from.replace(/_FILE$/, '');
    const key = names.get(name);
    if (key === undefined) throw usage(`${from} is not a configuration variable.${nearest(from, [...names.keys()])}`);
    if (from !== name && env[name] !== undefined) throw usage(`${name} and ${from} are both set; keep one.`);
    take(key, from === name ? value : readValue(value), from);
  }
}

function readFile(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseYaml(readFileSync(file, 'utf8'), { uniqueKeys: true, maxAliasCount: 0 });
  } catch {
    throw usage('The configuration file cannot be read as YAML or JSON.');
  }
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw usage('The configuration file must be a mapping.');
  return value as Record<string, unknown>;
}

function readValue(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\n$/, '');
  } catch {
    throw usage('A file named by a DAUTH_*_FILE variable cannot be read.');
  }
}

function convert(key: string, value: string): unknown {
  if (/\.(?:trustedIssuers|rules)$/.test(key)) return readJson(value);
  if (/\.(?:ca|documentHosts)$/.test(key)) return value.split(',').filter((part) => part !== '');
  if (/(?:Loopback|\.documents)$/.test(key)) return value === 'true' ? true : value === 'false' ? false : value;
  return typeof DEFAULTS[key] === 'number' || DEFAULTS[key] === null ? numberOr(value) : value;
}

/** What is no JSON stays text, and is refused as what it should not be. */
function readJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function numberOr(value: string): number | string {
  return /^\d{1,15}$/.test(value) ? Number(value) : value;
}

function assign(target: Record<string, unknown>, [name, ...rest]: string[], value: unknown): void {
  if (rest.length === 0) target[name!] = value;
  else assign((target[name!] ??= {}) as Record<string, unknown>, rest, value);
}

function mark(value: unknown, path: string, origin: string, origins: Map<string, string>): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [name, inner] of Object.entries(value))
      mark(inner, path === '' ? name : `${path}.${name}`, origin, origins);
  } else if (path !== '') origins.set(path, origin);
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return `${path || 'configuration'}: ${issue.message}`;
  return issue.keys
    .map((key) => (path === '' ? key : `${path}.${key}`))
    .map((key) => `${key} is not a configuration key.${nearest(key)}`)
    .join('\n');
}

function nearest(key: string, keys: readonly string[] = NAMES): string {
  const close = keys.map((known) => ({ known, far: distance(known, key) })).sort((a, b) => a.far - b.far)[0]!;
  return close.far <= 4 ? ` Did you mean ${close.known}?` : '';
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
