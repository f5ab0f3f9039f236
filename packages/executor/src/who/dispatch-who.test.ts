/** Steps 1 and 2 of a dispatch: what has no one meaning and who is nobody known is refused before anything is looked up. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { ConnectionHandle } from '@dauth/protocol';
import { assertRefused, type Refusal } from '../support/refused.test-support.ts';
import type { Reply } from '../support/door-caller.test-support.ts';
import { MCP, RESOURCE, World } from '../support/room.test-support.ts';
import { detail } from '../support/statements.test-support.ts';
import { dpop, makeSigner, unsigned } from '../support/signer.test-support.ts';

let world: World;
let handle: ConnectionHandle;
let path: string;
before(async () => {
  world = await World.open({ config: { limits: { bufferedRequestBytes: 1_000 } } });
  handle = await world.connect();
  path = `/connections/${handle}/user`;
});
after(() => world[Symbol.asyncDispose]());

type Case = readonly [what: string, attempt: () => Promise<Reply>, refusal: Omit<Refusal, 'step'>];

/** A streaming request with a token and a proof that may be wrong. */
function ask(token: string, proof = world.proof('GET', path, token)): Promise<Reply> {
  return world.send('GET', path, ['Authorization', `DPoP ${token}`, 'DPoP', proof]);
}

function askWithProof(claims: object, header: object = {}): Promise<Reply> {
  const token = world.token(handle);
  return ask(token, world.proof('GET', path, token, claims, header));
}

/** A right request as octets, with more after its request line and headers. */
function octets(line: string, more = ''): Promise<Reply> {
  const [authorization, token, name, proof] = world.headers('GET', path, world.token(handle));
  const own = `${authorization}: ${token}\r\n${name}: ${proof}\r\n`;
  return world.sendRaw(`${line}\r\nHost: executor.example\r\nConnection: close\r\n${own}${more}\r\n`);
}

const asJson = ['Content-Type', 'application/json'];
const buffered = (body: string, headers: readonly string[] = asJson): Promise<Reply> =>
  world.send('POST', '/dispatch', [...world.headers('POST', '/dispatch', world.token(handle)), ...headers], body);
const wish = (request: object): string =>
  JSON.stringify({ connection_handle: handle, request: { method: 'GET', path: '/user', ...request } });

const INVALID = { code: 'INVALID_REQUEST' } as const;
const SHAPE: readonly Case[] = [
  [
    'an absolute-form target',
    () => octets(`GET https://evil.example${path} HTTP/1.1`),
    { ...INVALID, says: /no absolute form/ },
  ],
  [
    'an absolute-form target with userinfo',
    () => octets(`GET http://a@b${path} HTTP/1.1`),
    { ...INVALID, says: /no absolute form/ },
  ],
  ['the asterisk form', () => octets('OPTIONS * HTTP/1.1'), { ...INVALID, says: /must be a path/ }],
  ['a fragment in the target', () => octets(`GET ${path}#x HTTP/1.1`), { ...INVALID, says: /visible ASCII/ }],
  ['HTTP/1.0', () => octets(`GET ${path} HTTP/1.0`), { ...INVALID, says: /must be HTTP\/1\.1/ }],
  ['an upgrade', () => octets(`GET ${path} HTTP/1.1`, 'Upgrade: h2c\r\n'), { ...INVALID, says: /cannot be upgraded/ }],
  [
    'two DAuth-Origin headers',
    () => octets(`GET ${path} HTTP/1.1`, 'DAuth-Origin: https://a.example\r\nDAuth-Origin: https://b.example\r\n'),
    { ...INVALID, says: /may stand once stands twice/ },
  ],
  [
    'two DPoP headers',
    () => octets(`GET ${path} HTTP/1.1`, 'DPoP: a.b.c\r\n'),
    { ...INVALID, says: /may stand once stands twice/ },
  ],
  [
    'two Authorization headers',
    () => octets(`GET ${path} HTTP/1.1`, 'Authorization: DPoP x\r\n'),
    { ...INVALID, says: /may stand once stands twice/ },
  ],
  [
    '129 headers',
    () => octets(`GET ${path} HTTP/1.1`, 'X-A: 1\r\n'.repeat(125)),
    { ...INVALID, says: /too many headers/ },
  ],
  [
    'TRACE',
    () => octets(`TRACE ${path} HTTP/1.1`),
    { code: 'METHOD_NOT_ALLOWED', says: 'This address does not take that method.' },
  ],
  [
    'a target of 8 KiB',
    () => octets(`GET ${path}?${'x'.repeat(8_192)} HTTP/1.1`),
    { code: 'PAYLOAD_TOO_LARGE', says: /target is larger/ },
  ],
  [
    'no path behind the handle',
    () => world.send('GET', `/connections/${handle}`, []),
    { ...INVALID, says: /\/connections\/\{handle\}\/\{path\}/ },
  ],
  [
    'a handle of another form',
    () => world.send('GET', '/connections/ddls:conn:1/user', []),
    { ...INVALID, says: /ddls:conn:<UUIDv7>/ },
  ],
  [
    'a buffered body that is larger than allowed',
    () => buffered(wish({ body: 'x'.repeat(1_000) })),
    { code: 'PAYLOAD_TOO_LARGE', says: 'The request is larger than allowed.' },
  ],
  [
    'a buffered body of another type',
    () => buffered(wish({}), ['Content-Type', 'text/plain']),
    { code: 'UNSUPPORTED_MEDIA_TYPE', says: 'A dispatch is sent as application/json.' },
  ],
  [
    'a buffered body with a member twice',
    () => buffered(wish({}).replace('{', '{"request":{},')),
    { ...INVALID, says: 'A JSON object has a duplicate or forbidden member.' },
  ],
  [
    'a buffered body with the member __proto__',
    () => buffered(wish({}).replace('{', '{"__proto__":{"a":1},')),
    { ...INVALID, says: 'A JSON object has a duplicate or forbidden member.' },
  ],
  [
    'a buffered request with the member __proto__',
    () => buffered(wish({}).replace('"method"', '"__proto__":{"a":1},"method"')),
    { ...INVALID, says: 'A JSON object has a duplicate or forbidden member.' },
  ],
  [
    'a buffered body with a member nobody knows',
    () => buffered(wish({ follow_redirects: true })),
    { ...INVALID, says: '"request" has a member that is not defined for it.' },
  ],
  [
    'a buffered CR LF in a header',
    () => buffered(wish({ headers: { 'x-a': 'b\r\nHost: evil.example' } })),
    { ...INVALID, says: /cannot be sent/ },
  ],
  [
    'a buffered LF in a header name',
    () => buffered(wish({ headers: { 'x-a\nb': '1' } })),
    { ...INVALID, says: /no|not an HTTP token/ },
  ],
  [
    'a buffered header twice in two spellings',
    () => buffered(wish({ headers: { 'x-a': '1', 'X-A': '2' } })),
    { ...INVALID, says: /stands twice/ },
  ],
  [
    'a buffered CONNECT',
    () => buffered(wish({ method: 'CONNECT' })),
    { ...INVALID, says: 'A method must be an uppercase HTTP method, and neither CONNECT nor TRACE.' },
  ],
  [
    'a buffered TRACE',
    () => buffered(wish({ method: 'TRACE' })),
    { ...INVALID, says: 'A method must be an uppercase HTTP method, and neither CONNECT nor TRACE.' },
  ],
  [
    'a buffered origin with userinfo',
    () => buffered(wish({ origin: 'https://api.github.com@evil.example' })),
    { ...INVALID, says: /An origin must be/ },
  ],
  [
    'a buffered origin that is an address',
    () => buffered(wish({ origin: 'https://127.0.0.1' })),
    { ...INVALID, says: /An origin must be/ },
  ],
];
for (const [what, attempt, refusal] of SHAPE) {
  test(`[dispatch.bound] step 1 refuses ${what}`, () => assertRefused(world, attempt, { ...refusal, step: 1 }));
}

for (const [what, octetsSent, code, says] of [
  [
    'CONNECT',
    'CONNECT api.github.com:443 HTTP/1.1\r\nHost: api.github.com:443\r\n\r\n',
    'METHOD_NOT_ALLOWED',
    'This address does not take that method.',
  ],
  [
    'a bare LF between headers',
    'GET /livez HTTP/1.1\nHost: a\nX-A: 1\n\n',
    'INVALID_REQUEST',
    'The request is not well-formed.',
  ],
  [
    'a CR inside a header',
    'GET /livez HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n',
    'INVALID_REQUEST',
    'The request is not well-formed.',
  ],
  [
    'two lengths',
    'POST /dispatch HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
    'INVALID_REQUEST',
    'The request is not well-formed.',
  ],
  [
    'a length beside chunks',
    'POST /dispatch HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'INVALID_REQUEST',
    'The request is not well-formed.',
  ],
  ['no Host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', 'INVALID_REQUEST', 'The request has no Host header.'],
  [
    'headers beyond 64 KiB',
    `GET /livez HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(70_000)}\r\n\r\n`,
    'PAYLOAD_TOO_LARGE',
    'The request is larger than allowed.',
  ],
] as const) {
  test(`[dispatch.bound] the door refuses ${what}`, async () => {
    await assertRefused(world, () => world.sendRaw(octetsSent), { code, says, step: 1 });
  });
}

const WHO = 'UNAUTHENTICATED';
const TOKEN: readonly Case[] = [
  [
    'no Authorization header',
    () => world.send('GET', path, ['DPoP', 'a.b.c']),
    { code: WHO, says: /no Authorization header/ },
  ],
  [
    'no DPoP header',
    () => world.send('GET', path, ['Authorization', `DPoP ${world.token(handle)}`]),
    { code: WHO, says: /no DPoP header/ },
  ],
  [
    'a Bearer token',
    () => world.send('GET', path, ['Authorization', `Bearer ${world.token(handle)}`]),
    { code: WHO, says: /never as Bearer/ },
  ],
  [
    'a token with alg none',
    () => ask(unsigned({ typ: 'at+jwt', kid: world.authority.kid }, world.claims(handle))),
    { code: WHO, says: 'The access token is not well-formed. A token or proof is not a compact JWS.' },
  ],
  [
    'a token that claims alg none but is signed',
    () => ask(world.token(handle, {}, { alg: 'none' })),
    { code: WHO, says: /algorithm/ },
  ],
  [
    'a token with another typ',
    () => ask(world.token(handle, {}, { typ: 'JWT' })),
    { code: WHO, says: /another type \(typ\)/ },
  ],
  [
    'a token with unknown crit',
    () => ask(world.token(handle, {}, { crit: ['b64'], b64: true })),
    { code: WHO, says: /critical header members/ },
  ],
  [
    'a token with a key of its own',
    () => ask(world.token(handle, {}, { jwk: world.server.jwk }, world.server)),
    { code: WHO, says: /signature that does not verify/ },
  ],
  [
    'a token by a key nobody published',
    () => ask(world.token(handle, {}, { kid: 'other' })),
    { code: WHO, says: /not published/ },
  ],
  [
    'a token by another issuer',
    () => ask(world.token(handle, { iss: 'https://evil.example' })),
    { code: WHO, says: /another issuer/ },
  ],
  ['a token for an MCP server', () => ask(world.token(handle, { aud: MCP })), { code: WHO, says: /another audience/ }],
  ['a token for two audiences', () => ask(world.token(handle, { aud: [RESOURCE, MCP] })), { code: WHO, says: /"aud"/ }],
  [
    'an expired token',
    () => ask(world.token(handle, { iat: world.now - 120, exp: world.now - 5 })),
    { code: WHO, says: /has expired/ },
  ],
  [
    'a token from the future',
    () => ask(world.token(handle, { iat: world.now + 6, exp: world.now + 60 })),
    { code: WHO, says: /issued in the future/ },
  ],
  [
    'a dispatch token that lives too long',
    () => ask(world.token(handle, { exp: world.now + 121 })),
    { code: WHO, says: /valid for longer/ },
  ],
  [
    'an access token instead of a dispatch token',
    () => ask(world.token(handle, { act: undefined })),
    { code: WHO, says: /names no server that acts/ },
  ],
  [
    'a dispatch token without its subject',
    () => ask(world.token(handle, { subject_jti: undefined })),
    { code: WHO, says: /no dispatch token/ },
  ],
  [
    'a token without a key',
    () => ask(world.token(handle, { cnf: undefined })),
    { code: WHO, says: /not bound to exactly one key/ },
  ],
  [
    'a detail with a member nobody knows',
    () => ask(world.token(handle, { authorization_details: [{ ...detail(handle), all: true }] })),
    {
      code: WHO,
      says: 'The access token is not well-formed. A dauth_connection detail has a member that is not defined for it.',
    },
  ],
];
const PROOF: readonly Case[] = [
  ['a proof with another typ', () => askWithProof({}, { typ: 'jwt' }), { code: WHO, says: /another type \(typ\)/ }],
  [
    'a proof with alg none',
    () => askWithProof({}, { alg: 'none' }),
    { code: WHO, says: 'The DPoP proof uses an algorithm that is not taken here.' },
  ],
  [
    'a proof with unknown crit',
    () => askWithProof({}, { crit: ['x'], x: 1 }),
    { code: WHO, says: 'The DPoP proof has critical header members (crit) that are not known here.' },
  ],
  [
    'a proof whose key is not its signer',
    () => askWithProof({}, { jwk: makeSigner().jwk }),
    { code: WHO, says: 'The DPoP proof has a signature that does not verify.' },
  ],
  [
    'a proof by another key than the token’s',
    () => {
      const token = world.token(handle);
      return ask(token, dpop(makeSigner(), { htm: 'GET', htu: RESOURCE + path, iat: world.now, token }));
    },
    { code: WHO, says: /another key than the token is bound to/ },
  ],
  [
    'a proof for another token',
    () => ask(world.token(handle), world.proof('GET', path, world.token(handle))),
    { code: WHO, says: /another access token \(ath\)/ },
  ],
  ['a proof without a token hash', () => askWithProof({ ath: undefined }), { code: WHO, says: /"ath"/ }],
  ['a proof for another method', () => askWithProof({ htm: 'POST' }), { code: WHO, says: /another method \(htm\)/ }],
  [
    'a proof for another path',
    () => askWithProof({ htu: `${RESOURCE}/dispatch` }),
    { code: WHO, says: /another URL \(htu\)/ },
  ],
  [
    'a proof for another host',
    () => askWithProof({ htu: `https://evil.example${path}` }),
    { code: WHO, says: /another URL \(htu\)/ },
  ],
  [
    'a proof for the address that was dialled',
    () => askWithProof({ htu: `http://127.0.0.1:${world.port}${path}` }),
    { code: WHO, says: /another URL \(htu\)/ },
  ],
  ['a proof older than a minute', () => askWithProof({ iat: world.now - 61 }), { code: WHO, says: /too old/ }],
  ['a proof from the future', () => askWithProof({ iat: world.now + 6 }), { code: WHO, says: /signed in the future/ }],
  ['a proof without an id', () => askWithProof({ jti: undefined }), { code: WHO, says: /"jti"/ }],
  [
    'a proof older than the node',
    () => askWithProof({ iat: world.now - 1 }),
    { code: WHO, says: /older than this node/ },
  ],
];
for (const [what, attempt, refusal] of [...TOKEN, ...PROOF]) {
  test(`[token.bound] step 2 refuses ${what}`, () => assertRefused(world, attempt, { ...refusal, step: 2 }));
}

test('[token.bound] step 2 refuses a proof that was used, at either door and with any token', async () => {
  const jti = randomUUID();
  const token = world.token(handle);
  assert.equal((await ask(token, world.proof('GET', path, token, { jti }))).status, 200);
  const again = world.token(handle);
  const refusal = { code: 'REPLAY_DETECTED', says: /used before/, step: 2 } as const;
  await assertRefused(world, () => ask(token, world.proof('GET', path, token, { jti })), refusal);
  await assertRefused(world, () => ask(again, world.proof('GET', path, again, { jti })), refusal);
});

test('[token.bound] a request that is refused otherwise burns no proof', async () => {
  const [expired, token] = [world.token(handle, { iat: world.now - 120, exp: world.now - 5 }), world.token(handle)];
  const jti = randomUUID();
  await assertRefused(world, () => ask(expired, world.proof('GET', path, expired, { jti })), { code: WHO, step: 2 });
  assert.equal((await ask(token, world.proof('GET', path, token, { jti }))).status, 200);
});

test('[token.bound] nobody but the token’s holder has a handle looked up', async () => {
  const { length } = world.authority.fetched;
  const other = await world.connect();
  await assertRefused(world, () => world.stream(other, '/user', { token: world.token(handle) }), {
    code: 'CONNECTION_NOT_FOUND',
    step: 3,
  });
  assert.equal(world.authority.fetched.length, length);
});

test('[audit.complete] refusals without a verified caller are counted and come with the next checkpoint', async () => {
  await assertRefused(world, () => ask(world.token(handle, { aud: MCP })), { code: WHO, step: 2 });
  const line = await world.recorded(({ kind, counts }) => kind === 'refusals' && Object(counts)[WHO] > 0);
  assert.equal(typeof line.seq, 'number');
});
