/** Workload identity: a platform's JWT makes its workload one registered client, by rule, with one key. */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { TYP } from '@dauth/protocol';
import { verifyAccessToken } from '@dauth/verify';
import { dpop, makeSigner } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  claimsOf,
  ISSUER,
  MCP,
  revoke,
  START,
  type TokenBody,
} from '../world.test-support.ts';
import { assertOAuth } from '../refused.test-support.ts';
import { connect, wish } from '../sealed.test-support.ts';
import { JWT_BEARER, makeFederation, REFUSED, SUBJECT, type Federation, type Form } from './issuers.test-support.ts';

const ALONE = 'A workload proves itself by its assertion alone; leave the rest out.';

async function granted(answer: Response): Promise<TokenBody> {
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text) as TokenBody;
}

async function assertRefused(made: Federation, answer: Response, reason: string): Promise<void> {
  await assertOAuth(answer, 400, 'invalid_grant', REFUSED);
  assert.equal(made.world.events.findLast((each) => each.event === 'assertion_refused')?.reason, reason);
}

test('[token.bound] a workload gets a token as the client of its rule, bound to its own key', async () => {
  const made = await makeFederation();
  const key = makeSigner();
  const body = await granted(await made.askWorkload({}, {}, {}, key));
  assert.deepEqual([body.token_type, body.expires_in, body.scope], ['DPoP', 300, 'mcp:read']);
  assert.ok(!('refresh_token' in body));
  const options = { issuer: ISSUER, audience: MCP, keys: made.world.key.jwk, now: START };
  const claims = verifyAccessToken(body.access_token, options);
  assert.deepEqual([claims.sub, claims.client_id, claims.cnf.jkt], [made.client.id, made.client.id, key.jkt]);
  const event = made.world.events.findLast((each) => each.event === 'token');
  assert.deepEqual([event?.grant_type, event?.client_id], [JWT_BEARER, made.client.id]);
});

test("[token.bound] the token's subject is the owner its client was registered for", async () => {
  const made = await makeFederation({ rules: [{}] });
  const client = await addClient(made.world, { grants: [JWT_BEARER], owner: 'ci' });
  const [, entry] = made.world.config.trustedIssuers;
  assert.ok(entry?.profile === 'workload');
  entry.rules[0]!.client = client.id;
  assert.equal(claimsOf((await granted(await made.askWorkload())).access_token).sub, 'ci');
});

const WRONG: Readonly<Record<string, readonly [reason: string, claims: object, header?: object]>> = {
  'of an issuer that is not trusted': ['issuer', { iss: 'https://other.example' }],
  'of the identity provider, which speaks of users': ['issuer', { iss: 'https://idp.example' }],
  'for another audience': ['aud', { aud: 'https://other.example' }],
  'for two audiences': ['aud', { aud: [ISSUER, 'https://kubernetes.default.svc'] }],
  'without an end': ['time', { exp: undefined }],
  'without a beginning': ['time', { iat: undefined }],
  'that lives longer than the issuer may say': ['time', { exp: START + 3_601 }],
  'that has ended': ['time', { iat: START - 60, exp: START }],
  'that is not valid yet': ['time', { nbf: START + 6 }],
  'of another subject': ['rule', { sub: `${SUBJECT}2` }],
  'of a subject with a shorter name': ['rule', { sub: SUBJECT.slice(0, -1) }],
  'without a subject': ['sub', { sub: undefined }],
  'bound to another key': ['cnf', { cnf: { jkt: makeSigner().jkt } }],
  'of the type of an access token': ['signature', {}, { typ: 'at+jwt' }],
  'of a type in lowercase': ['signature', {}, { typ: 'jwt' }],
  'by a key nobody published': ['key', {}, { kid: 'two' }],
};
for (const [what, [reason, claims, header]] of Object.entries(WRONG)) {
  test(`[token.bound] a workload's assertion ${what} is refused`, async () => {
    const made = await makeFederation();
    await assertRefused(made, await made.askWorkload(claims, {}, header), reason);
    await granted(await made.askWorkload());
  });
}

test('an assertion may say that it is a JWT, or a JWT-SVID', async () => {
  const made = await makeFederation();
  for (const typ of ['JWT', 'JOSE', undefined]) await granted(await made.askWorkload({}, {}, { typ }));
});

test('[token.bound] a prefix fits what continues it, and nothing else', async () => {
  const made = await makeFederation({ rules: [{ subject: 'repo:acme/*' }] });
  await granted(await made.askWorkload({ sub: 'repo:acme/app:ref:refs/heads/main' }));
  for (const sub of ['repo:acme/', 'repo:acme', 'repo:acme-evil/app', 'x:repo:acme/app', 'Repo:acme/app'])
    await assertRefused(made, await made.askWorkload({ sub }), 'rule');
});

test('[token.bound] every claim a rule names must have exactly its value', async () => {
  const made = await makeFederation({ rules: [{ claims: { ref: 'refs/heads/main', protected: true, run: 7 } }] });
  const good = { ref: 'refs/heads/main', protected: true, run: 7 };
  await granted(await made.askWorkload(good));
  for (const wrong of [{ ref: 'refs/heads/other' }, { ref: ['refs/heads/main'] }, { protected: 'true' }, { run: '7' }])
    await assertRefused(made, await made.askWorkload({ ...good, ...wrong }), 'rule');
  await assertRefused(made, await made.askWorkload({ ref: good.ref }), 'rule');
});

test('[token.bound] the first rule that fits decides, also where a later one would allow more', async () => {
  const made = await makeFederation({
    rules: [{ claims: { env: 'test' }, scopes: [] }, { scopes: ['mcp:write'] }],
  });
  assert.equal((await granted(await made.askWorkload({ env: 'test' }))).scope, '');
  assert.equal((await granted(await made.askWorkload())).scope, 'mcp:write');
});

test('[token.bound] a workload is nobody: no name and no address of its platform is in the token', async () => {
  const made = await makeFederation({ rules: [{ scopes: ['mcp:read', 'profile', 'email'] }] });
  const said = { name: 'Ada Lovelace', email: 'ada@acme.example', scope: 'mcp:read profile email' };
  const body = await granted(await made.askWorkload(said, { scope: 'mcp:read profile email' }));
  const { name, email } = claimsOf(body.access_token);
  assert.deepEqual([body.scope, name, email], ['mcp:read', undefined, undefined]);
});

test('[token.bound] resources and scopes are those of the rule, and a server must be registered', async () => {
  const made = await makeFederation({
    rules: [{ resources: [MCP, 'https://gone.example'], scopes: ['mcp:read', 'x'] }],
  });
  await addServer(made.world, 'https://other.example/mcp');
  const elsewhere = 'The resource is not one that this workload may use.';
  const ask = (form: Form): Promise<Response> => made.askWorkload({}, form);
  await assertOAuth(await ask({ resource: 'https://other.example/mcp' }), 400, 'invalid_target', elsewhere);
  await assertOAuth(await ask({ resource: ISSUER }), 400, 'invalid_target', elsewhere);
  await assertOAuth(await ask({ resource: undefined }), 400, 'invalid_target', /"resource"/);
  await assertOAuth(await ask({ resource: 'https://gone.example' }), 400, 'invalid_target', /not a registered/);
  assert.equal((await granted(await ask({ scope: 'mcp:read mcp:write' }))).scope, 'mcp:read');
  assert.equal((await granted(await ask({}))).scope, 'mcp:read');
});

test("[token.bound] a client_id is the rule's or absent, and nothing else authenticates a workload", async () => {
  const made = await makeFederation();
  await granted(await made.askWorkload({}, { client_id: made.client.id }));
  await assertRefused(made, await made.askWorkload({}, { client_id: 'operator' }), 'client');
  for (const extra of [{ client_assertion: 'a.b.c' }, { client_assertion_type: 'x' }, { client_secret: 'x' }])
    await assertOAuth(await made.askWorkload({}, extra), 400, 'invalid_request', ALONE);
});

test('[token.bound] a workload that also sends an Authorization header is refused, and an ID-JAG beside one as well', async () => {
  const made = await makeFederation();
  const schemes = ['Basic d29ya2VyOng=', 'Bearer a.b.c', 'DPoP a.b.c', 'x'];
  for (const authorization of schemes)
    await assertOAuth(
      await made.askWorkload({}, {}, {}, made.client.key, { authorization }),
      400,
      'invalid_request',
      ALONE,
    );
  const form = { grant_type: JWT_BEARER, assertion: made.idJag() };
  for (const authorization of schemes)
    await assertOAuth(
      await askToken(made.world, made.client, form, { authorization }),
      400,
      'invalid_request',
      /one way/,
    );
  await granted(await made.askWorkload());
  await granted(await askToken(made.world, made.client, form));
});

test('[token.bound] a workload whose client needs nonces gets its token with one only', async () => {
  const made = await makeFederation();
  const { world, client } = made;
  const registered = world.store.registry.client(client.id)!;
  world.store.transaction(() => world.store.registry.putClient({ ...registered, dpop_nonces: true }));
  const form = new URLSearchParams({ grant_type: JWT_BEARER, assertion: made.workload(), resource: MCP });
  const key = makeSigner();
  const ask = (nonce: object): Promise<Response> => {
    const proof = { htm: 'POST', htu: `${ISSUER}/token`, iat: START, jti: randomUUID(), ...nonce };
    return Promise.resolve(
      world.app.request('/token', { method: 'POST', body: form, headers: { dpop: key.proof(TYP.dpop, proof) } }),
    );
  };
  const refused = await ask({});
  const nonce = refused.headers.get('dpop-nonce');
  await assertOAuth(refused, 400, 'use_dpop_nonce', /Sign it again with that/);
  await granted(await ask({ nonce }));
});

test('[token.bound] no token without a DPoP proof, and a proof is good once', async () => {
  const made = await makeFederation();
  const form = new URLSearchParams({ grant_type: JWT_BEARER, assertion: made.workload(), resource: MCP });
  const post = (headers: Record<string, string>): Promise<Response> =>
    Promise.resolve(made.world.app.request('/token', { method: 'POST', body: form, headers }));
  await assertOAuth(await post({}), 400, 'invalid_dpop_proof', /needs a DPoP header/);
  assert.deepEqual(made.fetched, []);
  const headers = { dpop: dpop(makeSigner(), { htm: 'POST', htu: `${ISSUER}/token`, iat: START }) };
  await granted(await post(headers));
  await assertOAuth(await post(headers), 400, 'invalid_dpop_proof', /used before/);
});

test('[token.bound] an assertion works again with the key it came with first, and with no other', async () => {
  const made = await makeFederation();
  const [own, thief] = [makeSigner(), makeSigner()];
  const assertion = made.workload();
  const ask = (key: typeof own): Promise<Response> => made.askWorkload({}, { assertion }, {}, key);
  await granted(await ask(own));
  await granted(await ask(own));
  await assertRefused(made, await ask(thief), 'used');
  made.world.clock.now += 3_599;
  await assertRefused(made, await ask(thief), 'used');
  await granted(await ask(own));
});

test('[token.bound] a second signature that anybody can make from the first does not free the assertion', async () => {
  const made = await makeFederation();
  const assertion = made.workload();
  await granted(await made.askWorkload({}, { assertion }));
  const [head, body, signature] = assertion.split('.') as [string, string, string];
  const octets = Buffer.from(signature, 'base64url');
  // Of an ECDSA signature (r, s) the pair (r, n − s) is as good.
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const twin = order - BigInt(`0x${octets.subarray(32).toString('hex')}`);
  const other = Buffer.concat([octets.subarray(0, 32), Buffer.from(twin.toString(16).padStart(64, '0'), 'hex')]);
  const again = `${head}.${body}.${other.toString('base64url')}`;
  assert.notEqual(again, assertion);
  await assertRefused(made, await made.askWorkload({}, { assertion: again }, {}, makeSigner()), 'used');
  await granted(await made.askWorkload({}, { assertion: again }));
});

test('the store holds a digest of the assertion, never the assertion', async () => {
  const made = await makeFederation();
  const assertion = made.workload();
  await granted(await made.askWorkload({}, { assertion }));
  const digest = createHash('sha256')
    .update(assertion.slice(0, assertion.lastIndexOf('.')))
    .digest('base64url');
  assert.ok(made.world.store.once.isWindowOf(`workload.${digest}`, made.client.key.jkt));
});

test('[revoke.fast] a revoked client, owner, server, grant or organisation gets no further token', async () => {
  for (const what of ['client', 'owner', 'server', 'grant', 'org'] as const) {
    const made = await makeFederation();
    const { grant_id: grant } = claimsOf((await granted(await made.askWorkload())).access_token);
    const ids = { client: made.client.id, owner: made.client.id, server: MCP, grant: String(grant), org: 'default' };
    revoke(made.world, what, ids[what]);
    for (let i = 0; i < 2; i++) await assertOAuth(await made.askWorkload(), 400, 'invalid_grant');
  }
});

test('[token.bound] a client that is not registered for the grant type is refused, and so is one that is not there', async () => {
  const made = await makeFederation();
  const [, entry] = made.world.config.trustedIssuers;
  assert.ok(entry?.profile === 'workload');
  entry.rules[0]!.client = (await addClient(made.world)).id;
  await assertOAuth(await made.askWorkload(), 400, 'unauthorized_client');
  entry.rules[0]!.client = 'nobody';
  await assertRefused(made, await made.askWorkload(), 'client');
});

test("[token.bound] a workload may name its client's connections, and nobody else's", async () => {
  const made = await makeFederation();
  const { client, sealed } = await connect(made.world);
  const details = { authorization_details: JSON.stringify([wish(sealed.handle)]) };
  await assertOAuth(await made.askWorkload({}, details), 400, 'invalid_authorization_details');
  const [, entry] = made.world.config.trustedIssuers;
  assert.ok(entry?.profile === 'workload');
  const worker = await addClient(made.world, { grants: [JWT_BEARER], owner: client.id });
  entry.rules[0]!.client = worker.id;
  const body = await granted(await made.askWorkload({}, details));
  assert.equal(body.authorization_details[0]!.identifier, sealed.handle);
});

test('a token ends with its assertion', async () => {
  const made = await makeFederation();
  assert.equal((await granted(await made.askWorkload({ exp: START + 60 }))).expires_in, 60);
});

test('an assertion is needed', async () => {
  const made = await makeFederation();
  const answer = await askToken(made.world, made.client, { grant_type: JWT_BEARER, resource: MCP });
  await assertOAuth(answer, 400, 'invalid_request', 'The token request needs the parameter "assertion".');
});
