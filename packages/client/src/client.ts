/** The client of an authority: tokens, a protected `fetch`, connections and registrations. Holds ciphertext and its own key. */
import type { Revocable } from '@dauth/protocol';
import {
  pageOf,
  parseAuditPage,
  parseCaller,
  parseConnectionView,
  parseKeyRotation,
  parseRevocation,
  parseStoredConnection,
  type AuditPage,
  type Caller,
  parseTakenConnection,
  type ConnectionView,
  type KeyRotation,
  type Page,
  type StoredConnection,
  type TakenConnection,
} from './answers.ts';
import {
  parseClientView,
  parseGrantView,
  parseInvitationView,
  parseServerView,
  parseUserView,
  type ClientView,
  type GrantView,
  type InvitationView,
  type ServerView,
  type UserView,
} from './registry-answers.ts';
import { createResourceFetch } from './fetch.ts';
import { readAnswer } from './http.ts';
import { assertSecure } from './issuer.ts';
import { signProof, type ClientKey } from './key.ts';
import type { SealedCredential } from './seal.ts';
import { TokenClient, type Token, type TokenRequest, type TokenSource } from './tokens.ts';

export interface ClientOptions {
  /** The authority's issuer URL; https, or http on a loopback address. */
  readonly issuer: string;
  /** A registered client, which authenticates with `key`. A workload with an `assertion` has none. */
  readonly clientId?: string;
  /**
   * What an issuer that the authority trusts says of this workload, or of the user of this client (RFC 7523 §2.1). Asked for
   * at each token request, so that it is never one that has ended. Default: `client_credentials` of the client.
   */
  readonly assertion?: () => string | Promise<string>;
  readonly key: ClientKey;
  /** Calls the authority's API with `dauth:admin`, for any owner; each change is noted as the operator's. Default false. */
  readonly asOperator?: boolean;
  /** Where tokens come from, bound to `key`. Default: the authority, by `clientId`, by `assertion`, or by both. */
  readonly tokens?: TokenSource;
  readonly fetch?: typeof fetch;
}

type Submission = Pick<SealedCredential, 'envelope' | 'seal_proof'> & {
  readonly endorsements?: readonly string[];
  readonly try?: boolean;
};
type Scope = 'dauth:connections.read' | 'dauth:connections.write' | 'dauth:grants.write' | 'dauth:admin';

export interface DAuthClient {
  /** A token for one resource. */
  token(request: TokenRequest): Promise<Token>;
  /** A `fetch` for one protected resource: tokens, proofs, renewal and step-up are its business. */
  fetch(request: TokenRequest): typeof fetch;
  readonly connections: {
    store(sealed: Submission): Promise<TakenConnection>;
    list(cursor?: string): Promise<Page<ConnectionView>>;
    /** With its current envelope. What it says is display, until `verifySeal` has looked at it. */
    get(handle: string): Promise<StoredConnection>;
    suspend(handle: string): Promise<ConnectionView>;
    resume(handle: string): Promise<ConnectionView>;
    revoke(handle: string): Promise<ConnectionView>;
    /** Has the executor redeem the code that was sealed. Once at most; it says what came of it. */
    redeem(handle: string): Promise<ConnectionView>;
    rotate(handle: string, sealed: Submission): Promise<TakenConnection>;
    remove(handle: string): Promise<void>;
  };
  readonly clients: {
    add(client: object): Promise<ClientView>;
    list(cursor?: string): Promise<Page<ClientView>>;
    /** From now on its tokens are bound to a key. */
    bind(id: string): Promise<ClientView>;
  };
  readonly servers: { add(server: object): Promise<ServerView>; list(): Promise<Page<ServerView>> };
  readonly users: {
    /** Invites a person, and gives the code to pass on. */
    add(user: object): Promise<InvitationView>;
    list(cursor?: string): Promise<Page<UserView>>;
  };
  readonly grants: {
    add(grant: object): Promise<GrantView>;
    list(): Promise<Page<GrantView>>;
    revoke(id: string): Promise<void>;
  };
  revoke(
    what: Revocable,
    id: string,
  ): Promise<{ readonly what: string; readonly id: string; readonly revision: number }>;
  /** Has the authority publish its next signing key; asked again before that one signs, it is the same. */
  rotateKeys(): Promise<KeyRotation>;
  /** A page of the journal. Ask again after `next` until there are no records: a page may hold fewer than `limit`. */
  audit(after: number, limit?: number): Promise<AuditPage>;
  whoami(): Promise<Caller>;
}

/**
 * @example
 * const client = createClient({ issuer: 'https://auth.example', clientId, key });
 * const { handle } = await client.connections.store(await seal({ executor, key, fields, policy }));
 * const transport = new StreamableHTTPClientTransport(url, { fetch: client.fetch({ resource, connections: [handle] }) });
 */
export function createClient(options: ClientOptions): DAuthClient {
  const { clientId, assertion } = options;
  if (options.tokens === undefined && clientId === undefined && assertion === undefined)
    throw new TypeError('A client is registered, or an issuer says who it is: give its `clientId` or its `assertion`.');
  if (options.tokens !== undefined && assertion !== undefined)
    throw new TypeError('Tokens come from one place: give `tokens` or `assertion`.');
  assertSecure(options.issuer);
  const send = options.fetch ?? globalThis.fetch;
  const tokens: TokenSource = options.tokens ?? new TokenClient({ ...options, fetch: send });
  const held = new Map<Scope, Token>();

  const tokenFor = async (needed: Scope): Promise<Token> => {
    const scope = options.asOperator === true ? 'dauth:admin' : needed;
    const current = held.get(scope);
    if (current !== undefined && current.expiresAt - 5_000 > Date.now()) return current;
    const token = await tokens.request({ resource: options.issuer, scope: [scope] });
    held.set(scope, token);
    return token;
  };

  const call = async <T>(
    scope: Scope,
    [method, path, body]: readonly [method: string, path: string, body?: object | undefined],
    parse: (answer: unknown) => T,
  ): Promise<T> => {
    const { accessToken } = await tokenFor(scope);
    const url = `${options.issuer}${path}`;
    const response = await send(url, {
      method,
      redirect: 'error',
      headers: {
        authorization: `DPoP ${accessToken}`,
        dpop: await signProof(options.key, { method, url, accessToken }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return readAnswer(response, parse);
  };

  const [read, write, grant, admin] = [
    'dauth:connections.read',
    'dauth:connections.write',
    'dauth:grants.write',
    'dauth:admin',
  ] as const;
  const at = (handle: string, verb = '') => `/connections/${encodeURIComponent(handle)}${verb}`;
  const change = (handle: string, verb: string) => call(write, ['POST', at(handle, verb)], parseConnectionView);
  return {
    token: (request) => tokens.request(request),
    fetch: (request) => createResourceFetch(tokens, options.key, request, send),
    connections: {
      store: (sealed) => call(write, ['POST', '/connections', pickSubmission(sealed)], parseTakenConnection),
      list: (cursor) => call(read, ['GET', paged('/connections', cursor)], pageOf(parseConnectionView)),
      get: (handle) => call(read, ['GET', at(handle)], parseStoredConnection),
      suspend: (handle) => change(handle, '/suspend'),
      resume: (handle) => change(handle, '/resume'),
      revoke: (handle) => change(handle, '/revoke'),
      redeem: (handle) => change(handle, '/redeem'),
      rotate: (handle, sealed) =>
        call(write, ['POST', at(handle, '/rotate'), pickSubmission(sealed)], parseTakenConnection),
      remove: (handle) => call(write, ['DELETE', at(handle)], nothing),
    },
    clients: {
      add: (client) => call(admin, ['POST', '/clients', client], parseClientView),
      list: (cursor) => call(admin, ['GET', paged('/clients', cursor)], pageOf(parseClientView)),
      bind: (id) => call(admin, ['POST', `/clients/${encodeURIComponent(id)}/bind`], parseClientView),
    },
    servers: {
      add: (server) => call(admin, ['POST', '/servers', server], parseServerView),
      list: () => call(admin, ['GET', '/servers'], pageOf(parseServerView)),
    },
    users: {
      add: (user) => call(admin, ['POST', '/users', user], parseInvitationView),
      list: (cursor) => call(admin, ['GET', paged('/users', cursor)], pageOf(parseUserView)),
    },
    grants: {
      add: (wanted) => call(grant, ['POST', '/grants', wanted], parseGrantView),
      list: () => call(grant, ['GET', '/grants'], pageOf(parseGrantView)),
      revoke: (id) => call(grant, ['DELETE', `/grants/${encodeURIComponent(id)}`], nothing),
    },
    revoke: (what, id) => call(admin, ['POST', '/revocations', { what, id }], parseRevocation),
    rotateKeys: () => call(admin, ['POST', '/keys/rotate'], parseKeyRotation),
    audit: (after, limit = 100) =>
      call(admin, ['GET', `/audit?after=${after}&limit=${limit}`], (answer) => parseAuditPage(answer, after)),
    whoami: () => call(read, ['GET', '/whoami'], parseCaller),
  };
}

function paged(path: string, cursor: string | undefined): string {
  return cursor === undefined ? path : `${path}?cursor=${encodeURIComponent(cursor)}`;
}

function nothing(): void {
  // 204: there is no body to look at.
}

function pickSubmission({ envelope, seal_proof, endorsements, try: wantsTry }: Submission): object {
  return {
    envelope,
    seal_proof,
    ...(endorsements === undefined ? {} : { endorsements }),
    ...(wantsTry === undefined ? {} : { try: wantsTry }),
  };
}
