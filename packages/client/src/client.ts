/** The client of an authority: tokens, a protected `fetch`, connections and registrations. Holds ciphertext and its own key. */
import {
  type ConnectionHandle,
  type ConnectionStatus,
  type Injection,
  type Pins,
  type Revocable,
} from '@dauth/protocol';
import { createResourceFetch } from './fetch.ts';
import { readAnswer } from './http.ts';
import { signProof, type ClientKey } from './key.ts';
import type { SealedCredential } from './seal.ts';
import { TokenClient, type Token, type TokenRequest } from './tokens.ts';

export interface ClientOptions {
  /** The authority's issuer URL; https, or http on a loopback address. */
  readonly issuer: string;
  readonly clientId: string;
  readonly key: ClientKey;
  /** Calls the authority's API with `dauth:admin`, for any owner; each change is noted as the operator's. Default false. */
  readonly asOperator?: boolean;
  readonly fetch?: typeof fetch;
}

/** A connection as the authority shows it: its policy, never its credential. */
export interface ConnectionView {
  readonly handle: ConnectionHandle;
  readonly owner: string;
  readonly org: string;
  readonly name: string;
  readonly status: ConnectionStatus;
  readonly ver: number;
  readonly kid: string;
  readonly servers: readonly string[];
  readonly allow: readonly {
    readonly origin: string;
    readonly methods: readonly string[];
    readonly paths: readonly string[];
  }[];
  readonly inject: readonly Injection[];
  readonly pin?: Pins;
  /** Unix seconds. */
  readonly created_at: number;
  readonly updated_at: number;
  readonly last_used_at: number | null;
  readonly expires_at: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
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
    store(sealed: Submission): Promise<ConnectionView>;
    list(cursor?: string): Promise<Page<ConnectionView>>;
    get(handle: string): Promise<ConnectionView>;
    suspend(handle: string): Promise<ConnectionView>;
    resume(handle: string): Promise<ConnectionView>;
    revoke(handle: string): Promise<ConnectionView>;
    rotate(handle: string, sealed: Submission): Promise<ConnectionView>;
    remove(handle: string): Promise<void>;
  };
  readonly clients: { add(client: object): Promise<{ readonly client_id: string }>; list(): Promise<Page<unknown>> };
  readonly servers: {
    add(
      server: object,
    ): Promise<{ readonly resource: string; readonly client_id: string; readonly scopes: readonly string[] }>;
    list(): Promise<Page<unknown>>;
  };
  readonly grants: {
    add(grant: object): Promise<{ readonly id: string }>;
    list(): Promise<Page<unknown>>;
    revoke(id: string): Promise<void>;
  };
  revoke(what: Revocable, id: string): Promise<unknown>;
  audit(after: number, limit?: number): Promise<{ readonly records: readonly string[]; readonly next: number }>;
  whoami(): Promise<{ readonly sub: string; readonly org: string; readonly isAdmin: boolean }>;
}

/**
 * @example
 * const client = createClient({ issuer: 'https://auth.example', clientId, key });
 * const { handle } = await client.connections.store(await seal({ executor, key, fields, policy }));
 * const transport = new StreamableHTTPClientTransport(url, { fetch: client.fetch({ resource, connections: [handle] }) });
 */
export function createClient(options: ClientOptions): DAuthClient {
  const send = options.fetch ?? globalThis.fetch;
  const tokens = new TokenClient({ ...options, fetch: send });
  const held = new Map<Scope, Token>();

  const tokenFor = async (needed: Scope): Promise<Token> => {
    const scope = options.asOperator === true ? 'dauth:admin' : needed;
    const current = held.get(scope);
    if (current !== undefined && current.expiresAt - 5_000 > Date.now()) return current;
    const token = await tokens.request({ resource: options.issuer, scope: [scope] });
    held.set(scope, token);
    return token;
  };

  const call = async (scope: Scope, method: string, path: string, body?: object): Promise<unknown> => {
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
    return readAnswer(response);
  };

  const read = 'dauth:connections.read';
  const write = 'dauth:connections.write';
  const at = (handle: string, verb = '') => `/connections/${encodeURIComponent(handle)}${verb}`;
  return {
    token: (request) => tokens.request(request),
    fetch: (request) => createResourceFetch(tokens, options.key, request, send),
    connections: {
      store: (sealed) => call(write, 'POST', '/connections', pickSubmission(sealed)) as Promise<ConnectionView>,
      list: (cursor) =>
        call(
          read,
          'GET',
          `/connections${cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`}`,
        ) as Promise<Page<ConnectionView>>,
      get: (handle) => call(read, 'GET', at(handle)) as Promise<ConnectionView>,
      suspend: (handle) => call(write, 'POST', at(handle, '/suspend')) as Promise<ConnectionView>,
      resume: (handle) => call(write, 'POST', at(handle, '/resume')) as Promise<ConnectionView>,
      revoke: (handle) => call(write, 'POST', at(handle, '/revoke')) as Promise<ConnectionView>,
      rotate: (handle, sealed) =>
        call(write, 'POST', at(handle, '/rotate'), pickSubmission(sealed)) as Promise<ConnectionView>,
      remove: async (handle) => void (await call(write, 'DELETE', at(handle))),
    },
    clients: {
      add: (client) => call('dauth:admin', 'POST', '/clients', client) as Promise<{ client_id: string }>,
      list: () => call('dauth:admin', 'GET', '/clients') as Promise<Page<unknown>>,
    },
    servers: {
      add: (server) =>
        call('dauth:admin', 'POST', '/servers', server) as Promise<{
          resource: string;
          client_id: string;
          scopes: string[];
        }>,
      list: () => call('dauth:admin', 'GET', '/servers') as Promise<Page<unknown>>,
    },
    grants: {
      add: (grant) => call('dauth:grants.write', 'POST', '/grants', grant) as Promise<{ id: string }>,
      list: () => call('dauth:grants.write', 'GET', '/grants') as Promise<Page<unknown>>,
      revoke: async (id) => void (await call('dauth:grants.write', 'DELETE', `/grants/${encodeURIComponent(id)}`)),
    },
    revoke: (what, id) => call('dauth:admin', 'POST', '/revocations', { what, id }),
    audit: (after, limit = 100) =>
      call('dauth:admin', 'GET', `/audit?after=${after}&limit=${limit}`) as Promise<{
        records: string[];
        next: number;
      }>,
    whoami: () => call(read, 'GET', '/whoami') as Promise<{ sub: string; org: string; isAdmin: boolean }>,
  };
}

function pickSubmission({ envelope, seal_proof, endorsements, try: wantsTry }: Submission): object {
  return {
    envelope,
    seal_proof,
    ...(endorsements === undefined ? {} : { endorsements }),
    ...(wantsTry === undefined ? {} : { try: wantsTry }),
  };
}
