/**
 * Configuration of a stack: one YAML or JSON file, environment `DAUTH_*` (with `_FILE` twins), flags, in rising priority.
 * Unknown keys are errors; every value knows where it came from. Never holds a secret.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parse as parseYaml } from 'yaml';
import { usage } from './output.ts';

const listen = z.string().regex(/^[^\s]+:\d{1,5}$/, 'must be HOST:PORT');

export const schema = z.strictObject({
  authority: z
    .strictObject({
      issuer: z.url().optional().describe('Public base URL of the authority. Default: http://127.0.0.1:PORT.'),
      listen: listen.optional().describe('HOST:PORT. Default 127.0.0.1:4180.'),
      database: z.string().optional().describe('sqlite:PATH. Default: in the data directory.'),
      redis: z.string().optional().describe('Not in this version.'),
      accessTokenSeconds: z.int().min(10).max(300).optional().describe('Life of access tokens. Default 300.'),
      dispatchTokenSeconds: z.int().min(5).max(120).optional().describe('Life of dispatch tokens. Default 120.'),
    })
    .prefault({}),
  executor: z
    .strictObject({
      resource: z.url().optional().describe('Public base URL of the executor. Default: http://127.0.0.1:PORT+1.'),
      listen: listen.optional().describe('HOST:PORT. Default 127.0.0.1:4181.'),
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
        .min(300)
        .max(60_000)
        .optional()
        .describe('Age of the status view beyond which the executor refuses. Default 750.'),
      limits: z.record(z.string(), z.number()).optional().describe('Size and time limits; may only narrow.'),
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

const KEYS = [
  ...['authority.issuer', 'authority.listen', 'authority.database', 'authority.redis', 'authority.accessTokenSeconds'],
  ...['authority.dispatchTokenSeconds', 'executor.resource', 'executor.listen', 'executor.keys.provider'],
  ...['executor.upstream.ca', 'executor.upstream.dangerouslyAllowLoopback', 'executor.freshnessMs'],
];

/** @throws CliError (usage) with a sentence per mistake */
export function loadConfig(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
): { config: StackConfig; origins: Origins } {
  const raw = file === undefined ? {} : readFile(file);
  const origins = new Map<string, string>();
  mark(raw, '', `file ${file ?? ''}`, origins);
  for (const key of KEYS) {
    const name = environmentName(key);
    const [value, from] =
      env[`${name}_FILE`] === undefined ? [env[name], name] : [readValue(env[`${name}_FILE`]!), `${name}_FILE`];
    if (value === undefined) continue;
    assign(raw, key.split('.'), convert(key, value));
    origins.set(key, `environment ${from}`);
  }
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw usage(parsed.error.issues.map(describeIssue).join('\n'), 'See docs/configuration.md.');
  const { config } = { config: parsed.data };
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
      key.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], config) ?? null,
    origin: origins.get(key) ?? 'default',
  }));
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
  if (key.endsWith('.ca')) return value.split(',').filter((part) => part !== '');
  if (key.endsWith('Loopback')) return value === 'true' ? true : value === 'false' ? false : value;
  return /(?:Seconds|Ms)$/.test(key) && /^\d+$/.test(value) ? Number(value) : value;
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
    .map(
      (key) =>
        `${path === '' ? key : `${path}.${key}`} is not a configuration key.${nearest(path === '' ? key : `${path}.${key}`)}`,
    )
    .join('\n');
}

function nearest(key: string): string {
  const close = KEYS.map((known) => ({ known, far: distance(known, key) })).sort((a, b) => a.far - b.far)[0]!;
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
