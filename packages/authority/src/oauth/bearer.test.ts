/**
 * The Bearer exception: tokens without a key, for clients an operator marked, while the installation allows them. Asked when
 * they are issued and each time they are exchanged. Each refusal by its exact sentence, beside the same thing done right.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dpop } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  call,
  claimsOf,
  EXCHANGE,
  EXECUTOR,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  revoke,
  START,
  tokenForm,
  type Party,
  type TokenBody,
  type World,
} from '../world.test-support.ts';
import { assertOAuth, assertProblem } from '../refused.test-support.ts';
import { seal, submission, wish, type Sealed } from '../sealed.test-support.ts';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const OTHER_MCP = 'https://other.example/mcp';

interface Scene {
  readonly world: World;
  readonly server: Party;
  readonly client: Party;
  readonly sealed: Sealed;
}

/** A marked client with a connection that its owner sealed for such clients. */
async function scene(options: { readonly bearer?: boolean; readonly marked?: boolean } = {}): Promise<Scene> {
  const world = await makeWorld();
  const server = await addServer(world);
  await addServer(world, OTHER_MCP);
  const client = await addClient(world, { dpop_bound_access_tokens: options.marked === false });
  const servers = [MCP, OTHER_MCP];
  const sealed = seal(world, client.id, client.key, { bearer: options.bearer ?? true, servers });
  const stored = await call(world, client, 'POST', '/connections', submission(sealed));
  assert.equal(stored.status, 201, await stored.text());
  return { world, server, client, sealed };
}

/** A token request without a proof. */
function askUnbound({ world, client, sealed }: Scene, form: Readonly<Record<string, string>> = {}): Promise<Response> {
  const authorization_details = JSON.stringify([wish(sealed.handle)]);
  const body = tokenForm(world, client, { resource: MCP, authorization_details, ...form });
  return Promise.resolve(world.app.request('/token', { method: 'POST', body }));
}

async function given(response: Promise<Response>): Promise<TokenBody> {
  const text = await (await response).text();
  assert.equal((await response).status, 200, text);
  return JSON.parse(text) as TokenBody;
}

function exchange(
  { world, server }: Scene,
  subject_token: string,
  form: Readonly<Record<string, string>> = {},
  by = server,
): Promise<Response> {
  const right = { grant_type: EXCHANGE, resource: EXECUTOR, subject_token, subject_token_type: ACCESS_TOKEN };
  return askToken(world, by, { ...right, ...form });
}

test('a marked client without a proof gets a token without a key, which says Bearer and lives 300 seconds', async () => {
  const all = await scene();
  const answer = await given(askUnbound(all));
  assert.deepEqual([answer.token_type, answer.expires_in], ['Bearer', 300]);
  const claims = claimsOf(answer.access_token);
  assert.deepEqual([claims.cnf, claims.aud, claims.exp], [undefined, MCP, START + 300]);
});

test('a marked client that sends a proof gets a bound token all the same', async () => {
  const all = await scene();
  const { token_type, access_token } = await getToken(all.world, all.client, { resource: MCP });
  assert.equal(token_type, 'DPoP');
  assert.deepEqual(claimsOf(access_token).cnf, { jkt: all.client.key.jkt });
});

const NEEDS_PROOF = 'The request needs a DPoP header; every token is bound to a key.';

test('[token.bound] a client without the mark gets no token without a proof', async () => {
  const all = await scene({ marked: false });
  await assertOAuth(await askUnbound(all), 400, 'invalid_dpop_proof', NEEDS_PROOF);
});

test('[token.bound] no token for the authority itself is without a key', async () => {
  const all = await scene();
  const { world, client } = all;
  const body = () => tokenForm(world, client, { resource: ISSUER, scope: 'dauth:connections.read' });
  const refused = await world.app.request('/token', { method: 'POST', body: body() });
  const said = 'A token for the authority itself is always bound to a key.';
  await assertOAuth(refused, 400, 'invalid_dpop_proof', said);
  await getToken(world, client, { resource: ISSUER, scope: 'dauth:connections.read' });
});

test('[seal.bound] a token without a key names only what was sealed for such clients', async () => {
  const all = await scene({ bearer: false });
  const said = 'The credential was not sealed for tokens without a key; its owner has to allow Bearer.';
  await assertOAuth(await askUnbound(all), 400, 'invalid_authorization_details', said);
});

test('an exchange of a token without a key gives a dispatch token that says so, and carries no proof', async () => {
  const all = await scene();
  const { access_token } = await given(askUnbound(all));
  const answer = await given(exchange(all, access_token));
  assert.equal(answer.token_type, 'DPoP');
  const { jti: _, ...claims } = claimsOf(answer.access_token);
  const subject = claimsOf(access_token);
  assert.deepEqual(claims, {
    ...{ iss: ISSUER, sub: all.client.id, aud: EXECUTOR, client_id: all.server.id, iat: START, exp: START + 120 },
    ...{ cnf: { jkt: all.server.key.jkt }, grant_id: subject.grant_id, 'ddls:org': 'default' },
    ...{ authorization_details: subject.authorization_details, 'ddls:connections': { github: all.sealed.handle } },
    ...{ act: { sub: MCP }, subject_jti: subject.jti, subject_client_id: all.client.id, 'ddls:bearer': true },
  });
});

test('[token.bound] a proof beside a token without a key is refused, by whomever it is', async () => {
  const all = await scene();
  const { access_token } = await given(askUnbound(all));
  const subject_dpop = dpop(all.client.key, { htm: 'POST', htu: MCP, iat: START, token: access_token });
  const said = 'A token that is bound to no key came with no proof; send no subject_dpop.';
  await assertOAuth(await exchange(all, access_token, { subject_dpop }), 400, 'invalid_request', said);
  await given(exchange(all, access_token));
});

test('[token.bound] a bound token is not exchanged without its proof, whatever its client is marked', async () => {
  const all = await scene();
  const { access_token } = await getToken(all.world, all.client, { resource: MCP });
  const said = 'The token request needs the parameter "subject_dpop".';
  await assertOAuth(await exchange(all, access_token), 400, 'invalid_request', said);
});

test('[token.bound] the window of a token without a key is its own life, and not a second more', async () => {
  const all = await scene();
  const { access_token } = await given(askUnbound(all));
  all.world.clock.now = START + 299;
  assert.equal(claimsOf((await given(exchange(all, access_token))).access_token).exp, START + 300);
  all.world.clock.now = START + 300;
  const said = 'The window of this call has ended.';
  await assertOAuth(await exchange(all, access_token), 400, 'invalid_request', said);
});

test('[token.bound] a token without a key is exchanged by one server only, the one it names', async () => {
  const all = await scene();
  const { access_token } = await given(askUnbound(all));
  await given(exchange(all, access_token));
  await given(exchange(all, access_token));
  const { jti } = claimsOf(access_token);
  // Another server of the same resource comes only after a new registration: its window is not the first one's.
  assert.equal(all.world.store.once.claimWindow(`bearer.${String(jti)}`, 'another', START + 300), false);
});

test('[token.bound] a mark that was taken away ends the exchange of tokens that are out, and gives no new one', async () => {
  const all = await scene();
  const { access_token } = await given(askUnbound(all));
  await given(exchange(all, access_token));
  const path = `/clients/${all.client.id}/bind`;
  const bound = await call(all.world, all.world.operator, 'POST', path);
  assert.equal(((await bound.json()) as { dpop_bound_access_tokens: boolean }).dpop_bound_access_tokens, true);
  const said = 'The client of this token may not act without a key.';
  await assertOAuth(await exchange(all, access_token), 400, 'invalid_request', said);
  await assertOAuth(await askUnbound(all), 400, 'invalid_dpop_proof', NEEDS_PROOF);
  const [note] = all.world.store.audit.operations(1);
  assert.deepEqual([note?.action, note?.subject], ['client.bind', all.client.id]);
});

test("[token.bound] POST /clients/ID/bind is the operator's alone, and knows only clients", async () => {
  const { world, client } = await scene();
  const path = `/clients/${client.id}/bind`;
  const said = 'The token lacks the scope dauth:admin.';
  await assertProblem(await call(world, client, 'POST', path), 403, 'FORBIDDEN', said);
  const nobody = await call(world, world.operator, 'POST', '/clients/nobody/bind');
  await assertProblem(nobody, 404, 'NOT_FOUND', 'There is no such client.');
});

async function isAlwaysBound({ app }: World): Promise<unknown> {
  const metadata = await (await app.request('/.well-known/oauth-authorization-server')).json();
  return (metadata as Record<string, unknown>).dpop_bound_access_tokens_required;
}

test('[token.bound] the metadata says that tokens are always bound only while no client is marked to have others', async () => {
  const world = await makeWorld();
  await addClient(world);
  assert.equal(await isAlwaysBound(world), true);
  const mark = () => addClient(world, { dpop_bound_access_tokens: false });
  const [one, other] = [await mark(), await mark()];
  assert.equal(await isAlwaysBound(world), false);
  await call(world, world.operator, 'POST', `/clients/${one.id}/bind`);
  assert.equal(await isAlwaysBound(world), false, 'the other one is marked');
  revoke(world, 'client', other.id);
  assert.equal(await isAlwaysBound(world), true);
});

test('[token.bound] an installation that switches the exception off gives no such token and exchanges none', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'dauth-bearer-'));
  const database = join(dir, 'authority.db');
  try {
    const before = await makeWorld({ database });
    const client = await addClient(before, { dpop_bound_access_tokens: false });
    before.store.close();
    const world = await makeWorld({ database, config: { bearerException: 'off' } });
    assert.equal(await isAlwaysBound(world), true, 'whatever was marked');
    const server = await addServer(world);
    const body = tokenForm(world, client, { resource: MCP });
    const refused = await world.app.request('/token', { method: 'POST', body });
    await assertOAuth(refused, 400, 'invalid_dpop_proof', NEEDS_PROOF);
    // What was issued before the switch, by the same key.
    const grant = { kind: 'client', owner: client.id, org: 'default', client_id: client.id, resource: MCP } as const;
    const row = { ...grant, id: 'g', scopes: null, details: null, expires_at: null, created_at: START };
    world.store.grants.add(row);
    const token = world.ring.sign('at+jwt', {
      ...{ iss: ISSUER, sub: client.id, aud: MCP, client_id: client.id, iat: START, exp: START + 300, jti: 'old' },
      ...{ grant_id: 'g', 'ddls:org': 'default' },
    });
    const here = { world, server, client, sealed: seal(world, client.id, client.key) };
    const said = 'The client of this token may not act without a key.';
    await assertOAuth(await exchange(here, token), 400, 'invalid_request', said);
    world.store.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
