/** Keys, tokens, proofs and a gate for the tests of this package. Never part of it. */
import assert from 'node:assert/strict';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  type KeyObject,
} from 'node:crypto';
import { DAuthError, encodeUtf8, joinJws, jwsSigningInput, type ErrorCode } from '@dauth/protocol';
import type { AuthorizationConfig } from './config.ts';
import { protect, type FetchHandler, type ProtectDeps, type Protection } from './protect.ts';
import { caller } from './session.ts';

export const RESOURCE = 'https://mcp.example/mcp';
export const ISSUER = 'https://auth.example';
export const EXECUTOR = 'https://executor.example';
export const NOW = 1_800_000_000;

/**
 * A fresh pair. By way of octets: Node 20 may lock itself up for good while it writes a key it generated as a JWK, for it
 * holds the key's lock, and so does the collector that frees the generator.
 */
export function pair(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  const [publicKeyEncoding, privateKeyEncoding] = [
    { format: 'der', type: 'spki' },
    { format: 'der', type: 'pkcs8' },
  ] as const;
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding,
    privateKeyEncoding,
  });
  return {
    privateKey: createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: publicKey, format: 'der', type: 'spki' }),
  };
}
export const publicJwk = (key: KeyObject) => key.export({ format: 'jwk' });
const thumbprint = (key: KeyObject): string => {
  const { crv, kty, x, y } = publicJwk(key);
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
};
const signed = (key: KeyObject, header: object, claims: object): string => {
  const input = jwsSigningInput({ alg: 'ES256', ...header }, claims);
  return joinJws(input, sign('sha256', encodeUtf8(input), { key, dsaEncoding: 'ieee-p1363' }));
};

const authority = pair();
export const client = pair();
const kid = thumbprint(authority.publicKey);
export const CONFIG = {
  resource: RESOURCE,
  authorizationServers: [ISSUER],
  requiredScopes: ['mcp:use'],
  server: { clientId: 'server', key: pair().privateKey },
  executor: EXECUTOR,
} as const satisfies AuthorizationConfig;

export function makeToken(claims: object = {}, header: object = {}): string {
  const times = { iat: NOW - 5, exp: NOW + 200 };
  const who = { iss: ISSUER, sub: 'ada', aud: RESOURCE, client_id: 'laptop', jti: randomUUID(), grant_id: 'g1' };
  const rest = { scope: 'mcp:use', 'ddls:org': 'default', authorization_details: [], 'ddls:connections': {} };
  const cnf = { jkt: thumbprint(client.publicKey) };
  return signed(authority.privateKey, { typ: 'at+jwt', kid, ...header }, { ...who, ...times, ...rest, cnf, ...claims });
}

export function makeProof(token: string, claims: object = {}, header: object = {}, by = client): string {
  const ath = createHash('sha256').update(token).digest('base64url');
  const all = { htm: 'POST', htu: RESOURCE, jti: randomUUID(), iat: NOW, ath, ...claims };
  return signed(by.privateKey, { typ: 'dpop+jwt', jwk: publicJwk(by.publicKey), ...header }, all);
}

/** A token that is bound to no key, as it is shown. */
export function bearer(claims: object = {}): Record<string, string> {
  return { authorization: `Bearer ${makeToken({ cnf: undefined, ...claims })}` };
}

/** Headers of one authenticated request. */
export function both(token: string = makeToken(), claims: object = {}): Record<string, string> {
  return { authorization: `DPoP ${token}`, dpop: makeProof(token, claims) };
}

export const METADATA = {
  issuer: ISSUER,
  jwks_uri: `${ISSUER}/.well-known/jwks.json`,
  token_endpoint: `${ISSUER}/token`,
};

/** The authority's keys as it publishes them. */
export const jwksAnswer = (): Response =>
  Response.json({ keys: [{ ...publicJwk(authority.publicKey), kid, alg: 'ES256', use: 'sig' }] });

/** What the authority answers: its metadata and keys, and nothing else. */
export function authorityAnswer(url: string): Response {
  if (url === METADATA.jwks_uri) return jwksAnswer();
  if (url === `${ISSUER}/.well-known/oauth-authorization-server`) return Response.json(METADATA);
  throw new Error(`nobody was asked to fetch ${url}`);
}

/** `fetch` over a function of URL and request, so that no test reaches a network. */
export function fetchOver(
  answer: (url: string, init: RequestInit) => Response | Promise<Response>,
): typeof globalThis.fetch {
  return async (input, init) => answer(String(input instanceof Request ? input.url : input), init ?? {});
}

export function makeProtection(config: AuthorizationConfig = CONFIG, deps: ProtectDeps = {}): Protection {
  return protect(config, { fetch: fetchOver(authorityAnswer), now: () => NOW, ...deps });
}

/** Answers with the caller's subject. */
const WHO: FetchHandler = {
  fetch: async (_request, options) => Response.json(caller({ authInfo: options?.authInfo }).subject),
};

export function makeGate(config: AuthorizationConfig = CONFIG, inner: FetchHandler = WHO, deps: ProtectDeps = {}) {
  return makeProtection(config, deps).handler(inner);
}

export const post = (headers: Record<string, string>, url = RESOURCE, body: string | Uint8Array = '{}'): Request =>
  new Request(url, {
    method: 'POST',
    body: Buffer.from(body as string),
    headers: { 'content-type': 'application/json', ...headers },
  });

/** What a refusal says; a refusal without a request id is a failure of its own. */
export async function said(response: Response) {
  const body = (await response.json()) as { code?: string; detail?: string; request_id?: string };
  if (!response.ok) assert.match(body.request_id ?? '', /^[0-9a-f-]{36}$/);
  return {
    status: response.status,
    code: body.code,
    detail: body.detail,
    id: body.request_id,
    challenge: response.headers.get('www-authenticate') ?? '',
  };
}

/** Asserts what a promise was refused with, exactly. */
export async function assertRefusedAsync(
  run: () => Promise<unknown>,
  code: ErrorCode,
  sentence: string,
): Promise<void> {
  await assert.rejects(run, (error: unknown) => {
    assert.ok(error instanceof DAuthError, String(error));
    assert.deepEqual([error.code, error.publicMessage], [code, sentence]);
    return true;
  });
}
