/**
 * A whole authority for tests: real store, real handler, a clock that stands still, an executor played by `fetch`.
 * Nothing in the product is switched off: every request here is signed as a real one is.
 */
import assert from 'node:assert/strict';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { parsePublicJwk, TYP, type PublicJwk, type Revocable } from '@dauth/protocol';
import { thumbprint } from '@dauth/verify';
import type { Hono } from 'hono';
import { createAuthority } from './app.ts';
import { parseConfig, type AuthorityConfig } from './config.ts';
import { DirectoryMirror } from './executor/mirror.ts';
import type { HttpEnv } from './http.ts';
import { Passwords } from './people/password.ts';
import { KeyRing, type PublishedKey } from './key-ring.ts';
import { ringKey } from './keys.ts';
import type { LogEvent } from './log.ts';
import type { Dial } from './outside/dial.ts';
import { openOutside, type Outside } from './outside/open.ts';
import { assertion, dpop, makePair, makeSigner, type Signer } from './signer.test-support.ts';
import { makeNonces, type Nonces } from './oauth/nonce.ts';
import { openStore, type Store } from './store/store.ts';

export const ISSUER = 'https://auth.example';
export const EXECUTOR = 'https://executor.example';
export const MCP = 'https://mcp.example/mcp';
export const START = 1_800_000_000;
export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export interface Party {
  readonly id: string;
  readonly key: Signer;
}

export interface World {
  readonly app: Hono<HttpEnv>;
  readonly store: Store;
  readonly directory: DirectoryMirror;
  readonly outside: Outside;
  readonly config: AuthorityConfig;
  /** The key that signs from the start. */
  readonly key: PublishedKey;
  readonly ring: KeyRing;
  readonly nonces: Nonces;
  readonly clock: { now: number };
  readonly events: LogEvent[];
  readonly identity: Signer;
  readonly operator: Party;
  readonly closing: AbortController;
  readonly fetched: string[];
  /** What the executor answers to `/try`; a test may change it. */
  executor: {
    try: (body: { envelope: string; ticket: string }) => Response;
    redeem: (body: { ticket: string }) => Response;
    directory: () => Response;
  };
  readonly kid: string;
  /** Public half of the executor's opening key. */
  readonly opening: PublicJwk;
}

/** Claims of the executor's directory; a test may change them. */
export function directoryClaims(openingJwk: object, kid: string): Record<string, unknown> {
  const key = { ...openingJwk, kid, alg: 'HPKE-3', nbf: START - 1_000, exp: START + 1_000_000 };
  const times = { iat: START - 10, exp: START + 80_000 };
  return { iss: EXECUTOR, resource: EXECUTOR, seq: 1, keys: [key], evidence: { level: 'development' }, ...times };
}

export async function makeWorld(
  options: {
    readonly database?: string;
    readonly config?: object;
    readonly dial?: Dial;
    readonly passwords?: Passwords;
  } = {},
): Promise<World> {
  const [operatorKey, identity] = [makeSigner(), makeSigner('Ed25519')];
  const clock = { now: START };
  const now = () => clock.now;
  const events: LogEvent[] = [];
  const fetched: string[] = [];
  const opening = parsePublicJwk(makePair('X25519').publicKey.export({ format: 'jwk' }));
  const kid = thumbprint(opening);
  const closing = new AbortController();
  const config = parseConfig({
    ...{
      issuer: ISSUER,
      listen: { host: '127.0.0.1', port: 0 },
      database: 'sqlite:unused.db',
      operator: { jwk: operatorKey.jwk },
    },
    ...{ executor: { resource: EXECUTOR, identity: identity.jkt }, ...options.config },
  });
  const store = await openStore(options.database ?? ':memory:', now);
  const make = (from: number) => ringKey(makePair('P-256').privateKey, from);
  const key = make(START - 1_000);
  const ring = new KeyRing({ ...config.keys, keys: [key], now, make, save: () => undefined });
  const executor: World['executor'] = {
    try: () => Response.json({ ok: true }),
    redeem: () => Response.json({ ok: true }),
    directory: () => new Response(identity.proof(TYP.directory, directoryClaims(opening, kid))),
  };
  const nonces = makeNonces(randomBytes(32));
  const fetch = (async (url: string, init?: RequestInit) => {
    fetched.push(url);
    if (url === `${EXECUTOR}/.well-known/dauth-executor`) return world.executor.directory();
    if (url === `${EXECUTOR}/try`) return world.executor.try(JSON.parse(init?.body as string) as never);
    if (url === `${EXECUTOR}/redeem`) return world.executor.redeem(JSON.parse(init?.body as string) as never);
    throw new Error('a request nobody asked for');
  }) as typeof globalThis.fetch;
  const log = (event: LogEvent) => void events.push(event);
  const nobody: Dial = () => Promise.reject(new Error('a document nobody asked for'));
  const outside = openOutside({
    ...{ dial: options.dial ?? nobody, resolve: async () => ['1.1.1.1'], dangerouslyAllowLoopback: false },
    now: () => clock.now * 1_000,
  });
  const directory = new DirectoryMirror({ ...config.executor, fetch, now });
  const app = createAuthority({
    ...{ config, key: ring, nonces, store, directory, now, newId: randomUUID, fetch, outside, log },
    ...{ closing: closing.signal, passwords: options.passwords ?? quickly() },
  });
  const operator = { id: 'operator', key: operatorKey };
  const world: World = {
    ...{
      app,
      store,
      directory,
      outside,
      config,
      key,
      ring,
      nonces,
      clock,
      events,
      identity,
      operator,
      closing,
      fetched,
      executor,
      kid,
      opening,
    },
  };
  return world;
}

/** Passwords without the work that makes them slow to guess: password.test.ts does it for all. */
export function quickly(): Passwords {
  return new Passwords(async (password, salt) => createHmac('sha256', salt).update(password).digest());
}

/** The form of a token request by this client, with everything right; `form` changes it. */
export function tokenForm(
  world: World,
  party: Party,
  form: Readonly<Record<string, string | undefined>>,
): URLSearchParams {
  const { now } = world.clock;
  const claims = { iss: party.id, sub: party.id, aud: ISSUER, iat: now, exp: now + 60 };
  const all = {
    grant_type: 'client_credentials',
    client_assertion_type: ASSERTION,
    client_assertion: assertion(party.key, claims),
    ...form,
  };
  return new URLSearchParams(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** `POST /token`. */
export async function askToken(
  world: World,
  party: Party,
  form: Readonly<Record<string, string | undefined>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const proof = dpop(party.key, { htm: 'POST', htu: `${ISSUER}/token`, iat: world.clock.now });
  return world.app.request('/token', {
    method: 'POST',
    headers: { dpop: proof, ...headers },
    body: tokenForm(world, party, form),
  });
}

export interface TokenBody {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly authorization_details: readonly Record<string, unknown>[];
}

/** A token that must be given. */
export async function getToken(
  world: World,
  party: Party,
  form: Readonly<Record<string, string | undefined>>,
): Promise<TokenBody> {
  const response = await askToken(world, party, form);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as TokenBody;
}

/** The claims of a token, unverified. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
}

/** A request to the authority's own API, with a fresh token and proof. */
export async function call(
  world: World,
  party: Party,
  method: string,
  path: string,
  body?: unknown,
  scope = defaultScope(party),
): Promise<Response> {
  const { access_token } = await getToken(world, party, { resource: ISSUER, scope });
  return callWith(world, party.key, access_token, method, path, body);
}

export async function callWith(
  world: World,
  key: Signer,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Response> {
  const [target] = path.split('?');
  const proof = dpop(key, { htm: method, htu: `${ISSUER}${target}`, iat: world.clock.now, token });
  const headers = {
    authorization: `DPoP ${token}`,
    dpop: proof,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  return world.app.request(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

function defaultScope(party: Party): string {
  return party.id === 'operator' ? 'dauth:admin' : 'dauth:connections.read dauth:connections.write dauth:grants.write';
}

export async function addClient(world: World, members: object = {}, key = makeSigner()): Promise<Party> {
  const response = await call(world, world.operator, 'POST', '/clients', {
    name: 'a client',
    jwk: key.jwk,
    ...members,
  });
  const text = await response.text();
  assert.equal(response.status, 201, text);
  return { id: (JSON.parse(text) as { client_id: string }).client_id, key };
}

export async function addServer(
  world: World,
  resource = MCP,
  members: object = {},
  key = makeSigner(),
): Promise<Party> {
  const response = await call(world, world.operator, 'POST', '/servers', {
    resource,
    jwk: key.jwk,
    scopes: ['mcp:read', 'mcp:write'],
    ...members,
  });
  const text = await response.text();
  assert.equal(response.status, 201, text);
  return { id: (JSON.parse(text) as { client_id: string }).client_id, key };
}

/** Revokes in the store, as the operator's endpoint does. */
export function revoke(world: World, what: Revocable, id: string): void {
  world.store.transaction(() => world.store.changes.revoke(what, id, world.clock.now));
}

/** Asks for these `authorization_details` at the MCP server. */
export function askDetails(world: World, party: Party, details: unknown, resource = MCP): Promise<Response> {
  return askToken(world, party, { resource, authorization_details: JSON.stringify(details) });
}
