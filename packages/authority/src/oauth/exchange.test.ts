/**
 * Token exchange (RFC 8693): one live call, one server, one window, never more than the caller's token says.
 * Each refusal by its exact sentence; beside it stands the same exchange with everything right.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Revocable } from '@dauth/protocol';
import { dpop, makeSigner, type ProofClaims, type Signer } from '../signer.test-support.ts';
import {
  addServer,
  askToken,
  claimsOf,
  EXCHANGE,
  EXECUTOR,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  revoke,
  START,
  type Party,
  type TokenBody,
  type World,
} from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { connect, wish, type Sealed } from '../sealed.test-support.ts';

const OTHER_MCP = 'https://other.example/mcp';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

interface Scene {
  readonly world: World;
  readonly server: Party;
  readonly other: Party;
  readonly client: Party;
  readonly sealed: Sealed;
  readonly token: string;
}

/** A client's token for one connection at one server, and another server beside it. */
async function scene(): Promise<Scene> {
  const world = await makeWorld();
  const server = await addServer(world);
  const other = await addServer(world, OTHER_MCP);
  const { client, sealed } = await connect(world, { servers: [MCP, OTHER_MCP] });
  return { world, server, other, client, sealed, token: await tokenFor({ world, client, sealed }, MCP) };
}

async function tokenFor(
  { world, client, sealed }: Pick<Scene, 'world' | 'client' | 'sealed'>,
  resource: string,
): Promise<string> {
  const authorization_details = JSON.stringify([wish(sealed.handle)]);
  return (await getToken(world, client, { resource, authorization_details })).access_token;
}

/** The proof of the caller's own request to the server. */
function callProof(scene: Scene, change: ProofClaims = {}, key: Signer = scene.client.key): string {
  return dpop(key, { htm: 'POST', htu: MCP, iat: START, token: scene.token, ...change });
}

function exchange(
  scene: Scene,
  form: Readonly<Record<string, string | undefined>> = {},
  by: Party = scene.server,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const right = { grant_type: EXCHANGE, resource: EXECUTOR, subject_token: scene.token };
  const types = { subject_token_type: ACCESS_TOKEN, subject_dpop: form.subject_dpop ?? callProof(scene) };
  return askToken(scene.world, by, { ...right, ...types, ...form }, headers);
}

async function given(response: Response): Promise<TokenBody & { issued_token_type: string }> {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as TokenBody & { issued_token_type: string };
}

test('[token.bound] an exchange gives exactly the dispatch token the protocol describes', async () => {
  const all = await scene();
  const { server, client, sealed } = all;
  const subject_dpop = callProof(all);
  const answer = await given(await exchange(all, { subject_dpop }));
  const subject = claimsOf(all.token);
  const { jti, ...claims } = claimsOf(answer.access_token);
  assert.match(String(jti), /^[0-9a-f-]{36}$/);
  assert.notEqual(jti, subject.jti);
  assert.deepEqual(claims, {
    ...{ iss: ISSUER, sub: client.id, aud: EXECUTOR, client_id: server.id, iat: START, exp: START + 120 },
    ...{ cnf: { jkt: server.key.jkt }, grant_id: subject.grant_id, 'ddls:org': 'default' },
    ...{ authorization_details: subject.authorization_details, 'ddls:connections': { github: sealed.handle } },
    ...{ act: { sub: MCP }, subject_jti: subject.jti, subject_client_id: client.id, 'ddls:subject_dpop': subject_dpop },
  });
  const { access_token: _, ...rest } = answer;
  assert.deepEqual(rest, {
    ...{ token_type: 'DPoP', expires_in: 120, scope: '', issued_token_type: ACCESS_TOKEN },
    authorization_details: subject.authorization_details,
  });
});

test('[token.bound] a call whose window another server opened is refused there, and goes on with the first', async () => {
  const all = await scene();
  const jti = randomUUID();
  await given(await exchange(all, { subject_dpop: callProof(all, { jti }) }));
  const elsewhere = { ...all, token: await tokenFor(all, OTHER_MCP) };
  await assertOAuth(
    await exchange(elsewhere, { subject_dpop: callProof(elsewhere, { jti, htu: OTHER_MCP }) }, all.other),
    400,
    'invalid_request',
    'Another server acts on this call.',
  );
  await given(await exchange(all, { subject_dpop: callProof(all, { jti }) }));
  await given(await exchange(elsewhere, { subject_dpop: callProof(elsewhere, { htu: OTHER_MCP }) }, all.other));
});

test('[token.bound] the same server exchanges again inside the window, until the last second of it', async () => {
  const all = await scene();
  const subject_dpop = callProof(all);
  await given(await exchange(all, { subject_dpop }));
  all.world.clock.now = START + 299;
  const again = await given(await exchange(all, { subject_dpop }));
  assert.equal(claimsOf(again.access_token).exp, START + 300);
  assert.equal(again.expires_in, 1);
});

test('[token.bound] a dispatch token ends with the window of its call', async () => {
  const all = await scene();
  all.world.clock.now = START + 250;
  assert.equal(claimsOf((await given(await exchange(all))).access_token).exp, START + 300);
});

test('[token.bound] after the window of its call nothing is exchanged, though the token lives on', async () => {
  const all = await scene();
  all.world.clock.now = START + 200;
  const late = { ...all, token: await tokenFor(all, MCP) };
  const subject_dpop = callProof(late);
  for (const [after, sentence] of [
    [300, 'The window of this call has ended.'],
    [301, 'The carried proof is too old (iat). Sign a fresh proof for each request.'],
  ] as const) {
    all.world.clock.now = START + after;
    await assertOAuth(await exchange(late, { subject_dpop }), 400, 'invalid_request', sentence);
  }
  await given(await exchange(late, { subject_dpop: callProof(late, { iat: START + 301 }) }));
});

test('[token.bound] a carried proof may be five seconds ahead of our clock, and no more', async () => {
  const all = await scene();
  await given(await exchange(all, { subject_dpop: callProof(all, { iat: START + 5 }) }));
  await assertOAuth(
    await exchange(all, { subject_dpop: callProof(all, { iat: START + 6 }) }),
    400,
    'invalid_request',
    "The carried proof was signed in the future (iat). Check the signer's clock.",
  );
});

test('[token.bound] an expired subject token is refused', async () => {
  const all = await scene();
  all.world.clock.now = START + 306;
  await assertOAuth(
    await exchange(all, { subject_dpop: callProof(all, { iat: START + 306 }) }),
    400,
    'invalid_request',
    'The access token has expired.',
  );
});

test('[token.bound] a server exchanges only tokens whose audience it owns', async () => {
  const all = await scene();
  await assertOAuth(
    await exchange(all, {}, all.other),
    400,
    'invalid_request',
    'The access token is for another audience (aud).',
  );
  const own = (await getToken(all.world, all.client, { resource: ISSUER })).access_token;
  await assertOAuth(
    await exchange({ ...all, token: own }),
    400,
    'invalid_request',
    'The access token is for another audience (aud).',
  );
});

test('[token.bound] a dispatch token is no subject of another exchange', async () => {
  const all = await scene();
  const { access_token } = await given(await exchange(all));
  await assertOAuth(
    await exchange({ ...all, token: access_token }),
    400,
    'invalid_request',
    'The access token is for another audience (aud).',
  );
});

test('[token.bound] a subject token that this authority did not sign is refused', async () => {
  const all = await scene();
  for (const [kid, sentence] of [
    [all.world.key.kid, 'The access token has a signature that does not verify.'],
    [undefined, 'The access token is signed by a key that is not known here.'],
  ] as const) {
    const forged = makeSigner().jws({ typ: 'at+jwt', ...(kid === undefined ? {} : { kid }) }, claimsOf(all.token));
    await assertOAuth(await exchange({ ...all, token: forged }), 400, 'invalid_request', sentence);
  }
});

test("[token.bound] a carried proof by another key than the token's is refused", async () => {
  const all = await scene();
  for (const thief of [makeSigner(), all.server.key])
    await assertOAuth(
      await exchange(all, { subject_dpop: callProof(all, {}, thief) }),
      400,
      'invalid_request',
      'The carried proof is by a key that may not make this call.',
    );
});

test('[token.bound] a carried proof made for another URL is refused', async () => {
  const all = await scene();
  for (const htu of [OTHER_MCP, `${ISSUER}/token`, EXECUTOR, 'https://mcp.example/'])
    await assertOAuth(
      await exchange(all, { subject_dpop: callProof(all, { htu }) }),
      400,
      'invalid_request',
      'The carried proof is for another URL (htu).',
    );
});

test('[token.bound] a carried proof without ath, or with that of another token, is refused', async () => {
  const all = await scene();
  const { key } = all.client;
  await assertOAuth(
    await exchange(all, { subject_dpop: dpop(key, { htm: 'POST', htu: MCP, iat: START }) }),
    400,
    'invalid_request',
    'The carried proof needs a usable "ath" claim.',
  );
  const token = await tokenFor(all, MCP);
  await assertOAuth(
    await exchange(all, { subject_dpop: callProof(all, { token }) }),
    400,
    'invalid_request',
    'The carried proof is for another access token (ath).',
  );
});

test('[token.bound] a server proves the key it authenticates with, not another', async () => {
  const all = await scene();
  for (const key of [makeSigner(), all.client.key]) {
    const proof = dpop(key, { htm: 'POST', htu: `${ISSUER}/token`, iat: START });
    await assertOAuth(
      await exchange(all, {}, all.server, { dpop: proof }),
      400,
      'invalid_dpop_proof',
      'An MCP server proves the key it authenticates with; sign the DPoP proof with that key.',
    );
  }
});

test('[token.bound] an exchange gives the same or less, never more', async () => {
  const all = await scene();
  const { handle } = all.sealed;
  const detail = { type: 'dauth_connection', identifier: handle, locations: ['https://api.github.com'] };
  const asked = (details: readonly object[]) => exchange(all, { authorization_details: JSON.stringify(details) });
  const narrow = [{ ...detail, actions: ['GET /repos/a/b'] }];
  assert.deepEqual((await given(await asked(narrow))).authorization_details, narrow);
  assert.deepEqual((await given(await asked([]))).authorization_details, []);
  for (const wide of [
    { ...detail, actions: ['GET /repos/**', 'DELETE /user'] },
    { ...detail, actions: ['GET /**'] },
    { ...detail, locations: ['https://uploads.github.com'], actions: ['GET /user'] },
    { ...detail, identifier: handle.replace(/.$/, (last) => (last === '0' ? '1' : '0')), actions: ['GET /user'] },
  ])
    await assertOAuth(
      await asked([wide]),
      400,
      'invalid_authorization_details',
      'An exchange never gives more than the token it starts from.',
    );
});

test('an exchange takes complete details of connections only', async () => {
  const all = await scene();
  const asked = (details: unknown) => exchange(all, { authorization_details: JSON.stringify(details) });
  const code = 'invalid_authorization_details';
  await assertOAuth(
    await asked([wish(all.sealed.handle)]),
    400,
    code,
    'A dauth_connection detail needs the member "locations".',
  );
  await assertOAuth(
    await asked([{ type: 'dauth_credential', envelope: 'a', seal_proof: 'b' }]),
    400,
    code,
    'A dauth_connection detail needs the member "identifier".',
  );
  await assertOAuth(await asked({}), 400, code, '"authorization_details" must be an array.');
});

const TARGET = ['invalid_target', 'The resource of an exchange is the executor.'] as const;
const SUBJECT = ['invalid_request', 'An exchange takes an access token as its subject, and no actor token.'] as const;
const FORMS: readonly (readonly [
  what: string,
  form: Record<string, string | undefined>,
  code: string,
  said: string,
])[] = [
  ['the resource of a server', { resource: MCP }, ...TARGET],
  ['the authority as the resource', { resource: ISSUER }, ...TARGET],
  ['another audience', { audience: MCP }, ...TARGET],
  ['no resource', { resource: undefined }, 'invalid_target', 'The token request needs the parameter "resource".'],
  ['a scope', { scope: 'mcp:read' }, 'invalid_scope', 'A dispatch token carries no scopes.'],
  [
    'another type of token',
    { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
    'invalid_request',
    'An exchange gives an access token.',
  ],
  ['an actor token', { actor_token: 'x', actor_token_type: ACCESS_TOKEN }, ...SUBJECT],
  ['an actor token of no type', { actor_token: 'x' }, ...SUBJECT],
  ['the type of an actor token alone', { actor_token_type: ACCESS_TOKEN }, ...SUBJECT],
  ['a subject of another type', { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' }, ...SUBJECT],
];
for (const [what, form, code, said] of FORMS) {
  test(`[token.bound] an exchange that asks with ${what} is refused`, async () => {
    await assertOAuth(await exchange(await scene(), form), 400, code, said);
  });
}

test('an exchange may say what it gives: the executor as audience, an access token as type', async () => {
  await given(await exchange(await scene(), { audience: EXECUTOR, requested_token_type: ACCESS_TOKEN }));
});

const REVOKED: readonly (readonly [what: Revocable, id: (all: Scene) => string])[] = [
  ['token', ({ token }) => String(claimsOf(token).jti)],
  ['grant', ({ token }) => String(claimsOf(token).grant_id)],
  ['client', ({ client }) => client.id],
  ['owner', ({ client }) => client.id],
  ['org', () => 'default'],
  ['server', () => MCP],
];
for (const [what, id] of REVOKED) {
  test(`[revoke.fast] after a revoked ${what} no call is exchanged, not even inside its window`, async () => {
    const all = await scene();
    const subject_dpop = callProof(all);
    await given(await exchange(all, { subject_dpop }));
    revoke(all.world, what, id(all));
    await assertOAuth(await exchange(all, { subject_dpop }), 400, 'invalid_request', 'This access was revoked.');
  });
}

test('[revoke.fast] a server whose own client was revoked exchanges nothing', async () => {
  const all = await scene();
  revoke(all.world, 'client', all.server.id);
  await assertOAuth(
    await exchange(all),
    401,
    'invalid_client',
    'The client assertion does not prove a registered client.',
  );
});

test('a refused exchange opens no window', async () => {
  const all = await scene();
  const jti = randomUUID();
  const subject_dpop = callProof(all, { jti });
  await assertOAuth(await exchange(all, { subject_dpop, scope: 'x' }), 400, 'invalid_scope');
  await assertOAuth(
    await exchange(all, { subject_dpop, authorization_details: '[1]' }),
    400,
    'invalid_authorization_details',
  );
  const elsewhere = { ...all, token: await tokenFor(all, OTHER_MCP) };
  await given(await exchange(elsewhere, { subject_dpop: callProof(elsewhere, { jti, htu: OTHER_MCP }) }, all.other));
});
