/**
 * One authenticated call: who calls, with what, and the handles they may use. The token and the proof stay in here.
 * Never printed: `inspect`, `JSON.stringify` and property access find claims, never the token.
 */
import type { ConnectionDetail, JsonObject } from '@dauth/protocol';
import type { CallerClaims } from '@dauth/verify';
import { DAuthError } from '@dauth/protocol';
import type { Deps } from './ask.ts';
import { detailsByName, type AuthorityClient, type Executor } from './authority.ts';
import type { Settings } from './config.ts';

/** Who called, as tools may know it. */
export interface Caller {
  readonly subject: string;
  readonly clientId: string;
  /** Undefined where the tokens are another authority's and `requiredClaims` does not name `ddls:org`. */
  readonly org: string | undefined;
  /** Undefined where the tokens are another authority's and `requiredClaims` does not name `grant_id`. */
  readonly grant: string | undefined;
  /** Whether the token is bound to the caller's key. False only where `requireDpop` is. */
  readonly bound: boolean;
  readonly scopes: readonly string[];
  /** Names of the connections the token carries. */
  readonly connections: readonly string[];
  /** Every claim as it was signed. */
  readonly claims: JsonObject;
}

/** The SDK's `AuthInfo` shape, so that its helpers work; `token` is the token's id, never the token. */
export interface AuthInfo {
  token: string;
  clientId: string;
  scopes: string[];
  expiresAt: number;
  resource: URL;
  resourceMetadataUrl: string;
  extra: Record<string, unknown>;
}

/** A tool's context: `ctx` of SDK v2, or `extra` of v1. */
export interface ToolContext {
  readonly http?: { readonly authInfo?: object | undefined } | undefined;
  readonly authInfo?: object | undefined;
}

export interface Session {
  readonly caller: Caller;
  readonly details: ReadonlyMap<string, readonly ConnectionDetail[]>;
  readonly deps: Deps;
  /** Undefined where the tokens are not DAuth's. */
  readonly executor: (Executor & { dispatchToken(leastSeconds?: number): Promise<string> }) | undefined;
}

/** What sessions are opened with. */
export interface Opened {
  readonly settings: Settings;
  readonly deps: Deps;
  readonly authority: AuthorityClient;
}

const sessions = new WeakMap<object, Session>();

/**
 * Makes the `AuthInfo` of a call and remembers its session beside it.
 * @param call `proof` is undefined where the token is bound to no key
 */
export function openSession(
  { settings, deps, authority }: Opened,
  call: { readonly claims: CallerClaims; readonly token: string; readonly proof: string | undefined },
): AuthInfo {
  const { claims, token, proof } = call;
  const details = detailsByName(claims.details);
  const caller: Caller = Object.freeze({
    subject: claims.sub,
    clientId: claims.client_id,
    org: claims.org,
    grant: claims.grant_id,
    bound: claims.cnf !== undefined,
    scopes: claims.scope,
    connections: [...details.keys()],
    claims: claims.raw,
  });
  const authInfo: AuthInfo = {
    token: claims.jti,
    clientId: claims.client_id,
    scopes: [...claims.scope],
    expiresAt: claims.exp,
    resource: new URL(settings.resource),
    resourceMetadataUrl: settings.metadataUrl,
    extra: { caller },
  };
  const session: Session = { caller, details, deps, executor: executorFor(settings, authority, token, proof) };
  sessions.set(authInfo, session);
  // Frameworks may copy the outer object; the inner one travels with it.
  sessions.set(authInfo.extra, session);
  return authInfo;
}

function executorFor(
  { isDauth, server, executor: url }: Settings,
  authority: AuthorityClient,
  token: string,
  proof: string | undefined,
): Session['executor'] {
  if (!isDauth || server === undefined || url === undefined) return undefined;
  return { url, server, dispatchToken: (least) => authority.dispatchToken({ url, server }, token, proof, least) };
}

/** @throws DAuthError `UNAUTHENTICATED` where the context does not come from a protected request */
export function sessionOf(ctx: ToolContext): Session {
  const authInfo = ctx.http?.authInfo ?? ctx.authInfo;
  const session =
    authInfo === undefined ? undefined : (sessions.get(authInfo) ?? sessions.get((authInfo as AuthInfo).extra ?? {}));
  if (session === undefined)
    throw new DAuthError('UNAUTHENTICATED', 'This context does not belong to a request that protect() let in.');
  return session;
}

/**
 * Who called this tool.
 * @example
 * const { subject, org, scopes } = caller(ctx);
 */
export function caller(ctx: ToolContext): Caller {
  return sessionOf(ctx).caller;
}
