import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { encodeUtf8, joinJws, jwsSigningInput } from '@dauth/protocol';
import { Hono } from 'hono';
import type { AuthorizationConfig } from './config.ts';
import { toListener } from './node.ts';
import { protect } from './protect.ts';
import { caller } from './session.ts';

const RESOURCE = 'https://mcp.example/mcp';
const ISSUER = 'https://auth.example';
const NOW = 1_800_000_000;

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicJwk = (key: KeyObject) => key.export({ format: 'jwk' });
const thumbprint = (key: KeyObject): string => {
  const { crv, kty, x, y } = publicJwk(key);
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
};
const signed = (key: KeyObject, header: object, claims: object): string => {
  const input = jwsSigningInput({ alg: 'ES256', ...header }, claims);
  return joinJws(input, sign('sha256', encodeUtf8(input), { key, dsaEncoding: 'ieee-p1363' }));
};

const authority = pair();
const client = pair();
const server = pair();
const kid = thumbprint(authority.publicKey);
const CONFIG: AuthorizationConfig = {
  resource: RESOURCE,
  authorizationServers: [ISSUER],
  requiredScopes: ['mcp:use'],
  server: { clientId: 'server', key: server.privateKey },
  executor: 'https://executor.example',
};

function makeToken(claims: object = {}, header: object = {}): string {
  const times = { iat: NOW - 5, exp: NOW + 200 };
  const who = { iss: ISSUER, sub: 'ada', aud: RESOURCE, client_id: 'laptop', jti: randomUUID(), grant_id: 'g1' };
  const rest = { scope: 'mcp:use', 'ddls:org': 'default', authorization_details: [], 'ddls:connections': {} };
  const cnf = { jkt: thumbprint(client.publicKey) };
  return signed(authority.privateKey, { typ: 'at+jwt', kid, ...header }, { ...who, ...times, ...rest, cnf, ...claims });
}

function makeProof(token: string, claims: object = {}, header: object = {}, by = client): string {
  const ath = createHash('sha256').update(token).digest('base64url');
  const all = { htm: 'POST', htu: RESOURCE, jti: randomUUID(), iat: NOW, ath, ...claims };
  return signed(by.privateKey, { typ: 'dpop+jwt', jwk: publicJwk(by.publicKey), ...header }, all);
}

function makeGate(config: AuthorizationConfig = CONFIG) {
  const jwks = { keys: [{ ...publicJwk(authority.publicKey), kid, alg: 'ES256', use: 'sig' }] };
  const metadata = { issuer: ISSUER, jwks_uri: `${ISSUER}/.well-known/jwks.json`, token_endpoint: `${ISSUER}/token` };
  const fetch = (async (input: string | URL | Request) =>
    Response.json(
      String(input instanceof Request ? input.url : input).includes('jwks') ? jwks : metadata,
    )) as typeof globalThis.fetch;
  return protect(config, { fetch, now: () => NOW }).handler({
    fetch: async (_request, options) =>
      Response.json(caller({ http: { authInfo: options?.authInfo } } as never).subject),
  });
}

const post = (headers: Record<string, string>, url = RESOURCE): Request =>
  new Request(url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', ...headers } });

async function said(response: Response) {
  const body = (await response.json()) as { code?: string; request_id?: string };
  return {
    status: response.status,
    code: body.code,
    id: body.request_id,
    challenge: response.headers.get('www-authenticate') ?? '',
  };
}

test('[token.bound] a token with its proof gets in (control), and its claims reach the server', async () => {
  const token = makeToken();
  const response = await makeGate().fetch(post({ authorization: `DPoP ${token}`, dpop: makeProof(token) }));
  assert.equal(response.status, 200, await response.clone().text());
  assert.equal(await response.json(), 'ada');
});

test('nothing at all is answered with where to look', async () => {
  const { status, code, id, challenge } = await said(await makeGate().fetch(post({})));
  assert.deepEqual([status, code], [401, 'UNAUTHENTICATED']);
  assert.ok(id);
  assert.match(challenge, /^DPoP /);
  assert.match(challenge, /resource_metadata="https:\/\/mcp\.example\/\.well-known\/oauth-protected-resource\/mcp"/);
  assert.match(challenge, /scope="mcp:use"/);
});

const other = pair();
const BAD: readonly (readonly [what: string, headers: () => Record<string, string>, error: string])[] = [
  ['a bearer token', () => ({ authorization: `Bearer ${makeToken()}` }), 'invalid_token'],
  ['a token without a proof', () => ({ authorization: `DPoP ${makeToken()}` }), 'invalid_token'],
  ['alg none', () => both(`${makeToken({}, { alg: 'none' }).split('.').slice(0, 2).join('.')}.`), 'invalid_token'],
  ['a wrong typ', () => both(makeToken({}, { typ: 'JWT' })), 'invalid_token'],
  ['an unknown crit', () => both(makeToken({}, { crit: ['x'], x: 1 })), 'invalid_token'],
  ['another audience', () => both(makeToken({ aud: 'https://other.example/mcp' })), 'invalid_token'],
  ['two audiences', () => both(makeToken({ aud: [RESOURCE, 'https://other.example/mcp'] })), 'invalid_token'],
  ['another issuer', () => both(makeToken({ iss: 'https://evil.example' })), 'invalid_token'],
  ['an expired token', () => both(makeToken({ exp: NOW - 100 })), 'invalid_token'],
  ['a token by a key nobody knows', () => both(makeToken({}, { kid: 'A'.repeat(43) })), 'invalid_token'],
  ['a proof by another key', () => proven((t) => makeProof(t, {}, {}, other)), 'invalid_dpop_proof'],
  [
    'a proof for another URL',
    () => proven((t) => makeProof(t, { htu: 'https://mcp.example/other' })),
    'invalid_dpop_proof',
  ],
  ['a proof for another method', () => proven((t) => makeProof(t, { htm: 'GET' })), 'invalid_dpop_proof'],
  ['a proof for another token', () => proven((t) => makeProof(t, { ath: 'A'.repeat(43) })), 'invalid_dpop_proof'],
  ['an old proof', () => proven((t) => makeProof(t, { iat: NOW - 400 })), 'invalid_dpop_proof'],
  [
    'a proof with a private key in it',
    () => proven((t) => makeProof(t, {}, { jwk: client.privateKey.export({ format: 'jwk' }) })),
    'invalid_dpop_proof',
  ],
  ['a proof of another typ', () => proven((t) => makeProof(t, {}, { typ: 'JWT' })), 'invalid_dpop_proof'],
];
function both(token: string): Record<string, string> {
  return { authorization: `DPoP ${token}`, dpop: makeProof(token) };
}
function proven(make: (token: string) => string): Record<string, string> {
  const token = makeToken();
  return { authorization: `DPoP ${token}`, dpop: make(token) };
}
for (const [what, headers, error] of BAD) {
  test(`[token.bound] ${what} is refused with 401 ${error}`, async () => {
    const given = headers();
    const response = await makeGate().fetch(post(given));
    const text = await response.clone().text();
    const { status, code, id, challenge } = await said(response);
    assert.deepEqual([status, code], [401, 'UNAUTHENTICATED']);
    assert.ok(id);
    assert.match(challenge, new RegExp(`^DPoP error="${error}"`));
    for (const value of Object.values(given)) assert.ok(!text.includes(value), 'nothing that was sent comes back');
  });
}

test('[token.bound] a proof is good once', async () => {
  const gate = makeGate();
  const headers = proven((token) => makeProof(token));
  assert.equal((await gate.fetch(post(headers))).status, 200);
  const { status, code } = await said(await gate.fetch(post(headers)));
  assert.deepEqual([status, code], [401, 'REPLAY_DETECTED']);
});

test('[token.bound] the Host header decides nothing: htu is the configured resource', async () => {
  const url = 'https://evil.example/mcp';
  const headers = proven((token) => makeProof(token, { htu: url }));
  assert.equal((await makeGate().fetch(post(headers, url))).status, 401);
});

test('a scope that lacks is a 403 that names all that is needed', async () => {
  const token = makeToken({ scope: 'other' });
  const { status, challenge } = await said(await makeGate().fetch(post(both(token))));
  assert.equal(status, 403);
  assert.match(challenge, /^DPoP error="insufficient_scope".*scope="mcp:use"/);
});

test('on Hono the handler takes the request as it is', async () => {
  const app = new Hono();
  const gate = makeGate();
  app.all('*', (c) => gate.fetch(c.req.raw));
  assert.equal((await app.request(RESOURCE, { method: 'POST', body: '{}' })).status, 401);
  const token = makeToken();
  const response = await app.request(RESOURCE, { method: 'POST', body: '{}', headers: both(token) });
  assert.equal(response.status, 200);
  const metadata = await app.request('https://mcp.example/.well-known/oauth-protected-resource/mcp');
  assert.equal(((await metadata.json()) as { resource: string }).resource, RESOURCE);
});

test('[token.bound] on node:http two Authorization or two DPoP headers are refused', async () => {
  const listening = createServer(toListener(makeGate())).listen(0, '127.0.0.1');
  await new Promise((resolve) => listening.once('listening', resolve));
  const { port } = listening.address() as AddressInfo;
  const ask = (lines: readonly string[]) =>
    new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.end(
          `POST /mcp HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n${lines.join('\r\n')}\r\n\r\n{}`,
        );
      });
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1'))).on('close', () => resolve(text));
    });
  try {
    const { authorization, dpop } = proven((token) => makeProof(token));
    assert.match(
      await ask([`authorization: ${authorization}`, `authorization: ${authorization}`, `dpop: ${dpop}`]),
      /^HTTP\/1\.1 401/,
    );
    assert.match(await ask([`authorization: ${authorization}`, `dpop: ${dpop}`, `dpop: ${dpop}`]), /^HTTP\/1\.1 401/);
    assert.match(await ask([`authorization: ${authorization}`, `dpop: ${dpop}`]), /^HTTP\/1\.1 200/);
  } finally {
    listening.close();
  }
});

test('a configuration that contradicts itself is refused with a sentence per contradiction', () => {
  const wrong = { ...CONFIG, enabled: false, requireDpop: false, dpopLeeway: 1, resource: 'http://mcp.example/mcp' };
  assert.throws(
    () => protect(wrong),
    (error: unknown) => {
      assert.ok(error instanceof TypeError);
      for (const name of ['enabled', 'requireDpop', 'dpopLeeway', 'resource'])
        assert.match(error.message, new RegExp(name));
      return true;
    },
  );
});
