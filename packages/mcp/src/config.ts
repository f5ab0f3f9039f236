/**
 * `AuthorizationConfig` (spec/dauth.md §8): checked when it is made, every contradiction in a sentence of its own.
 * Never an option that lets in whoever cannot be checked: `failOpen` does not exist.
 */
import type { KeyObject } from 'node:crypto';
import { DAuthError, isObject, LIMITS } from '@dauth/protocol';
import {
  isPlainPath,
  parseBase,
  parseClaimNames,
  parseFlag,
  parseIssuers,
  parseOwnResource,
  parseScopes,
  readServer,
  readTools,
  readWishes,
  type ServerClient,
} from './members.ts';

/** What a server author writes, whoever issues the tokens. Times in seconds. */
interface AnyConfig {
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
  /** Default true. False also takes tokens that are bound to no key, as `Bearer`; one that is bound never is taken so. */
  readonly requireDpop?: boolean;
  /** Whether the authority is asked about each token too (RFC 7662), at most once a second. Default false. */
  readonly introspection?: boolean;
  /** Greatest life of a token in seconds, 30 to 86400; past 300 for bound tokens of another authority only. Default 300. */
  readonly maxTokenLifetime?: number;
  /** Greatest age of a proof in seconds, 5 to 300. Default 300 (spec/dauth.md §4). */
  readonly dpopLeeway?: number;
  /** How long the authority's metadata and signing keys are kept, in seconds, 10 to 900. Default 300. */
  readonly cacheTtl?: number;
  /** `challenge`: all tools are listed, a call that lacks scopes gets a 403 step-up. `filter`: also hides them. Default `challenge`. */
  readonly scopeEnforcement?: 'challenge' | 'filter';
}

/** This server's registration and private key (JWK of type EC P-256, or a KeyObject). */
interface ServerRegistration {
  readonly clientId: string;
  readonly key: KeyObject | Readonly<Record<string, unknown>>;
}

/** The issuer is a DAuth authority: its tokens may name connections. */
interface DauthConfig extends AnyConfig {
  readonly server: ServerRegistration;
  /** The executor's resource URL. */
  readonly executor: string;
  /** The connections this server would like; the owner's side decides. */
  readonly connections?: Readonly<Record<string, ConnectionWish>>;
  /** Claims a token needs beside those of RFC 9068. Default, and here at least, `grant_id` and `ddls:org`. */
  readonly requiredClaims?: readonly string[];
}

/** The issuer is somebody else's authorization server: tokens of RFC 9068, and no connections. */
interface OwnServerConfig extends AnyConfig {
  /** Claims a token needs beside those of RFC 9068: not both of DAuth's. */
  readonly requiredClaims: readonly string[];
  /** Needed for `introspection` only. */
  readonly server?: ServerRegistration;
  readonly executor?: never;
  readonly connections?: never;
}

export type AuthorizationConfig = DauthConfig | OwnServerConfig;

export interface ConnectionWish {
  readonly purpose: string;
  readonly origins: readonly string[];
  readonly inject: readonly object[];
}

/** A checked configuration with its defaults. */
export interface Settings {
  readonly resource: string;
  readonly issuer: string;
  /** Whether the issuer is a DAuth authority; `executor` and `server` are then there. */
  readonly isDauth: boolean;
  readonly metadataPath: string;
  readonly metadataUrl: string;
  readonly requiredScopes: readonly string[];
  readonly requiredClaims: readonly string[];
  readonly toolScopes: ReadonlyMap<string, readonly string[]>;
  readonly connections: Readonly<Record<string, ConnectionWish>>;
  readonly server: ServerClient | undefined;
  readonly executor: string | undefined;
  readonly requireDpop: boolean;
  readonly introspection: boolean;
  readonly maxTokenLifetime: number;
  readonly dpopLeeway: number;
  readonly cacheTtl: number;
  readonly scopeEnforcement: 'challenge' | 'filter';
}

const MEMBERS = [
  ...['enabled', 'resource', 'authorizationServers', 'metadataPath', 'requiredScopes', 'requiredClaims', 'tools'],
  ...['connections', 'server', 'executor', 'requireDpop', 'introspection', 'maxTokenLifetime', 'dpopLeeway'],
  ...['cacheTtl', 'scopeEnforcement'],
];
/** The claims that only a DAuth authority's tokens have, and every one of them. */
const DAUTH_CLAIMS = ['grant_id', 'ddls:org'];
/** A stolen day is enough for anybody. */
const MOST_TOKEN_SECONDS = 86_400;

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
  const requireDpop =
    check('"requireDpop" must be true or false.', () => parseFlag(given(config.requireDpop, true))) ?? true;
  const introspection =
    check('"introspection" must be true or false.', () => parseFlag(given(config.introspection, false))) ?? false;
  const requiredClaims =
    check('"requiredClaims" must be a list of names of claims.', () =>
      parseClaimNames(given(config.requiredClaims, DAUTH_CLAIMS)),
    ) ?? DAUTH_CLAIMS;
  const isDauth = DAUTH_CLAIMS.every((name) => requiredClaims.includes(name));
  const resource =
    check('"resource" must be this server\'s registered URI.', () => parseOwnResource(config.resource)) ??
    'https://invalid.example';
  const issuer = check('"authorizationServers" must name exactly one issuer.', () =>
    parseIssuers(config.authorizationServers, isDauth),
  );
  const executor = isDauth
    ? check('"executor" must be the URL of the executor.', () => parseBase(config.executor))
    : undefined;
  const requiredScopes = check('"requiredScopes" must be a list of scopes.', () =>
    parseScopes(given(config.requiredScopes, [])),
  );
  const toolScopes = check('"tools" must map each tool to { requiredScopes }.', () =>
    readTools(given(config.tools, {})),
  );
  const connections = check('"connections" must map each name to { purpose, origins, inject }.', () =>
    readWishes(given(config.connections, {})),
  );
  const server =
    isDauth || config.server !== undefined
      ? check('"server" must be { clientId, key } with a private EC P-256 key.', () => readServer(config.server))
      : undefined;
  const path = new URL(resource).pathname;
  const metadataPath = given(config.metadataPath, `/.well-known/oauth-protected-resource${path === '/' ? '' : path}`);
  if (typeof metadataPath !== 'string' || !isPlainPath(metadataPath))
    wrong.push('"metadataPath" must be an absolute path without dot segments, doubled slashes, escapes or a query.');
  const seconds = (name: string, fallback: number, least: number, most: number): number => {
    const chosen = given(config[name], fallback);
    if (typeof chosen === 'number' && Number.isInteger(chosen) && chosen >= least && chosen <= most) return chosen;
    wrong.push(`"${name}" must be a whole number of seconds from ${least} to ${most}.`);
    return fallback;
  };
  const maxTokenLifetime = seconds('maxTokenLifetime', LIMITS.accessTokenSeconds, 30, MOST_TOKEN_SECONDS);
  const dpopLeeway = seconds('dpopLeeway', LIMITS.callWindowSeconds, 5, LIMITS.callWindowSeconds);
  const cacheTtl = seconds('cacheTtl', 300, 10, 900);
  const enforcement = given(config.scopeEnforcement, 'challenge');
  if (enforcement !== 'challenge' && enforcement !== 'filter')
    wrong.push('"scopeEnforcement" must be "challenge" or "filter".');
  if (issuer !== undefined && issuer === executor)
    wrong.push('"executor" and the authorization server must be different parties.');
  if (maxTokenLifetime > LIMITS.accessTokenSeconds && (isDauth || !requireDpop))
    wrong.push(
      '"maxTokenLifetime" is at most 300 for the tokens of a DAuth authority, and where tokens may be bound to no key.',
    );
  for (const name of isDauth ? [] : ['executor', 'connections'])
    if (config[name] !== undefined)
      wrong.push(
        `"${name}" goes with a DAuth authority, whose tokens have "grant_id" and "ddls:org": leave it out, or require both.`,
      );
  if (introspection && !isDauth && config.server === undefined)
    wrong.push('"introspection" asks the authorization server in this server\'s own name: give its "server".');
  if (wrong.length > 0 || !issuer || !requiredScopes || !toolScopes || !connections) {
    throw new TypeError(`This AuthorizationConfig cannot be used:\n- ${wrong.join('\n- ')}`);
  }
  return Object.freeze({
    ...{ resource, issuer, isDauth, executor, server, requiredScopes, requiredClaims, toolScopes, connections },
    ...{ requireDpop, introspection, maxTokenLifetime, dpopLeeway, cacheTtl },
    ...{ metadataPath: String(metadataPath), metadataUrl: new URL(String(metadataPath), resource).href },
    scopeEnforcement: enforcement as 'challenge' | 'filter',
  });
}

/** A default is for what was left out; `null` is something that was given. */
function given(value: unknown, fallback: unknown): unknown {
  return value === undefined ? fallback : value;
}
