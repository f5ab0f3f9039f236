/**
 * `AuthorizationConfig` (spec/dauth.md §8): checked when it is made, every contradiction in a sentence of its own.
 * Never an option that lets a request in without a proof: `failOpen` does not exist.
 */
import type { KeyObject } from 'node:crypto';
import {
  DAuthError,
  isObject,
  LIMITS,
  parseConnectionName,
  parseInjections,
  parseOrigin,
  parseSecureUrl,
} from '@dauth/protocol';
import { readServerKey, type ServerKey } from './key.ts';

/** What a server author writes. Times in seconds. */
export interface AuthorizationConfig {
  /** Default true. False is refused: a server that is not protected does not call `protect`. */
  readonly enabled?: boolean;
  /** This server's resource URI (RFC 8707), as registered at the authority; `htu` of every proof. */
  readonly resource: string;
  /** Issuer of the authority. Exactly one in this version. */
  readonly authorizationServers: readonly [string];
  /** Path of the RFC 9728 document. Default `/.well-known/oauth-protected-resource` and the resource's path. */
  readonly metadataPath?: string;
  /** Scopes every request needs. Default none. */
  readonly requiredScopes?: readonly string[];
  /** Scopes a tool needs beyond those. */
  readonly tools?: Readonly<Record<string, { readonly requiredScopes: readonly string[] }>>;
  /** The connections this server would like; the owner's side decides. */
  readonly connections?: Readonly<Record<string, ConnectionWish>>;
  /** This server's registration and private key (JWK of type EC P-256, or a KeyObject). */
  readonly server: { readonly clientId: string; readonly key: KeyObject | Readonly<Record<string, unknown>> };
  /** The executor's resource URL. */
  readonly executor: string;
  /** Default true; false is refused in this version: there is no Bearer exception. */
  readonly requireDpop?: boolean;
  /** Greatest age of a proof in seconds, 5 to 300. Default 300 (spec/dauth.md §4). */
  readonly dpopLeeway?: number;
  /** How long verified signing keys are kept, in seconds, 10 to 900. Default 300. */
  readonly cacheTtl?: number;
  /** `challenge`: all tools are listed, a call that lacks scopes gets a 403 step-up. `filter`: also hides them. Default `challenge`. */
  readonly scopeEnforcement?: 'challenge' | 'filter';
}

export interface ConnectionWish {
  readonly purpose: string;
  readonly origins: readonly string[];
  readonly inject: readonly object[];
}

/** A checked configuration with its defaults. */
export interface Settings {
  readonly resource: string;
  readonly issuer: string;
  readonly metadataPath: string;
  readonly metadataUrl: string;
  readonly requiredScopes: readonly string[];
  readonly toolScopes: ReadonlyMap<string, readonly string[]>;
  readonly connections: Readonly<Record<string, ConnectionWish>>;
  readonly server: ServerKey & { readonly clientId: string };
  readonly executor: string;
  readonly dpopLeeway: number;
  readonly cacheTtl: number;
  readonly scopeEnforcement: 'challenge' | 'filter';
}

const MEMBERS = [
  ...[
    'enabled',
    'resource',
    'authorizationServers',
    'metadataPath',
    'requiredScopes',
    'tools',
    'connections',
    'server',
  ],
  ...['executor', 'requireDpop', 'dpopLeeway', 'cacheTtl', 'scopeEnforcement'],
];
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

/** @throws TypeError that lists every contradiction, one sentence each */
export function checkConfig(value: unknown): Settings {
  const wrong: string[] = [];
  const check = <T>(sentence: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      wrong.push(error instanceof DAuthError ? `${sentence} ${error.publicMessage}` : sentence);
      return undefined;
    }
  };
  const config = isObject(value) ? value : {};
  if (!isObject(value)) wrong.push('An AuthorizationConfig must be an object.');
  if (Object.hasOwn(config, 'failOpen'))
    wrong.push('"failOpen" does not exist: a request that cannot be checked is refused.');
  for (const name of Object.keys(config)) {
    if (!MEMBERS.includes(name) && name !== 'failOpen') wrong.push(`"${name}" is not a member of AuthorizationConfig.`);
  }
  if (config.enabled !== undefined && config.enabled !== true)
    wrong.push('"enabled" must be true: an unprotected server does not call protect().');
  if (config.requireDpop !== undefined && config.requireDpop !== true)
    wrong.push('"requireDpop" must be true: there is no Bearer exception in this version.');
  const resource =
    check('"resource" must be this server\'s registered URI.', () => parseOwnResource(config.resource)) ??
    'https://invalid.example';
  const issuer = check('"authorizationServers" must name exactly one issuer.', () => {
    if (!Array.isArray(config.authorizationServers) || config.authorizationServers.length !== 1) throw new TypeError();
    return base((config.authorizationServers as unknown[])[0]);
  });
  const executor = check('"executor" must be the URL of the executor.', () => base(config.executor));
  const requiredScopes = check('"requiredScopes" must be a list of scopes.', () =>
    scopes(given(config.requiredScopes, [])),
  );
  const toolScopes = check('"tools" must map each tool to { requiredScopes }.', () =>
    readTools(given(config.tools, {})),
  );
  const connections = check('"connections" must map each name to { purpose, origins, inject }.', () =>
    readWishes(given(config.connections, {})),
  );
  const server = check('"server" must be { clientId, key } with a private EC P-256 key.', () =>
    readServer(config.server),
  );
  const path = new URL(resource).pathname;
  const metadataPath = given(config.metadataPath, `/.well-known/oauth-protected-resource${path === '/' ? '' : path}`);
  if (typeof metadataPath !== 'string' || !isPlainPath(metadataPath))
    wrong.push('"metadataPath" must be an absolute path without dot segments, doubled slashes, escapes or a query.');
  const dpopLeeway = number(
    config.dpopLeeway,
    LIMITS.callWindowSeconds,
    5,
    LIMITS.callWindowSeconds,
    '"dpopLeeway"',
    wrong,
  );
  const cacheTtl = number(config.cacheTtl, 300, 10, 900, '"cacheTtl"', wrong);
  const enforcement = given(config.scopeEnforcement, 'challenge');
  if (enforcement !== 'challenge' && enforcement !== 'filter')
    wrong.push('"scopeEnforcement" must be "challenge" or "filter".');
  if (issuer !== undefined && issuer === executor)
    wrong.push('"executor" and the authorization server must be different parties.');
  if (wrong.length > 0 || !issuer || !executor || !requiredScopes || !toolScopes || !connections || !server) {
    throw new TypeError(`This AuthorizationConfig cannot be used:\n- ${wrong.join('\n- ')}`);
  }
  return Object.freeze({
    ...{ resource, issuer, executor, requiredScopes, toolScopes, connections, server, dpopLeeway, cacheTtl },
    ...{ metadataPath: String(metadataPath), metadataUrl: new URL(String(metadataPath), resource).href },
    scopeEnforcement: enforcement as 'challenge' | 'filter',
  });
}

/** A default is for what was left out; `null` is something that was given. */
function given(value: unknown, fallback: unknown): unknown {
  return value === undefined ? fallback : value;
}

/** A path that every URL parser leaves as it is, and that can stand in a quoted string. */
function isPlainPath(path: string): boolean {
  return (
    /^(?:\/[A-Za-z0-9\-._~!$&'()*+,;=:@]+)+\/?$/.test(path) && new URL(`http://localhost${path}`).pathname === path
  );
}

function parseOwnResource(value: unknown): string {
  const resource = parseSecureUrl(value);
  const { origin, pathname } = new URL(resource);
  const isPlain = resource === origin || resource === `${origin}/` || resource === `${origin}${pathname}`;
  if (!isPlain || (pathname !== '/' && !isPlainPath(pathname)))
    throw new DAuthError(
      'INVALID_REQUEST',
      'It is written without escapes or a query, which other readers would write in another way.',
    );
  return resource;
}

function base(value: unknown): string {
  const url = parseSecureUrl(value);
  if (new URL(url).origin !== url)
    throw new DAuthError('INVALID_REQUEST', 'It is an origin, without a path or a trailing slash.');
  return url;
}

function scopes(value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((scope) => typeof scope === 'string' && SCOPE.test(scope)))
    throw new TypeError();
  return Object.freeze([...new Set(value as string[])]);
}

function readTools(value: unknown): ReadonlyMap<string, readonly string[]> {
  if (!isObject(value)) throw new TypeError();
  return new Map(
    Object.entries(value).map(([tool, needs]) => {
      if (!isObject(needs) || Object.keys(needs).some((name) => name !== 'requiredScopes')) throw new TypeError();
      return [tool, scopes(needs.requiredScopes)];
    }),
  );
}

function readWishes(value: unknown): Readonly<Record<string, ConnectionWish>> {
  if (!isObject(value)) throw new TypeError();
  for (const [name, wish] of Object.entries(value)) {
    parseConnectionName(name);
    if (
      !isObject(wish) ||
      Object.keys(wish).some((member) => !['purpose', 'origins', 'inject'].includes(member)) ||
      typeof wish.purpose !== 'string' ||
      !Array.isArray(wish.origins) ||
      wish.origins.length === 0
    )
      throw new TypeError();
    wish.origins.forEach(parseOrigin);
    parseInjections(wish.inject);
  }
  return value as Readonly<Record<string, ConnectionWish>>;
}

function readServer(value: unknown): Settings['server'] {
  if (!isObject(value) || typeof value.clientId !== 'string' || value.clientId === '') throw new TypeError();
  return { clientId: value.clientId, ...readServerKey(value.key) };
}

function number(value: unknown, fallback: number, least: number, most: number, name: string, wrong: string[]): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  wrong.push(`${name} must be a whole number of seconds from ${least} to ${most}.`);
  return fallback;
}
