/** What one token request may cost and what one token may weigh: refused with a sentence, before anybody else waits for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detailsFromAllow } from '@dauth/protocol';
import { dpop, type Signer } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  askToken,
  call,
  EXCHANGE,
  EXECUTOR,
  getToken,
  makeWorld,
  MCP,
  type Party,
  type World,
} from '../world.test-support.ts';
import { assertOAuth, assertProblem } from '../refused.test-support.ts';
import { allow, connect, seal, submission, type Sealed } from '../sealed.test-support.ts';

const API = 'https://api.example';
const paths = (count: number, length = 10): string[] =>
  Array.from({ length: count }, (_, n) => `/${'a'.repeat(length)}/${n}`);

async function scene(
  ...rules: Parameters<typeof allow>[]
): Promise<{ world: World; server: Party; client: Party; sealed: Sealed }> {
  const world = await makeWorld();
  const server = await addServer(world);
  return { world, server, ...(await connect(world, { allow: rules.map((rule) => allow(...rule)) })) };
}

const wish = (sealed: Sealed, actions: readonly string[]): object => ({
  type: 'dauth_connection',
  identifier: sealed.handle,
  locations: [API],
  actions,
});

const ask = (world: World, client: Party, details: unknown): Promise<Response> =>
  askToken(world, client, { resource: MCP, authorization_details: JSON.stringify(details) });

test('[token.bound] a token request names at most 256 actions, over all connections together', async () => {
  const { world, client, sealed } = await scene([API, ['GET', 'POST'], ['/**']]);
  const actions = (count: number) => Array.from({ length: count }, (_, n) => `GET /${n}`);
  assert.equal((await ask(world, client, [wish(sealed, actions(256))])).status, 200);
  const more = [wish(sealed, actions(256)), wish(sealed, ['POST /a'])];
  await assertOAuth(
    await ask(world, client, more),
    400,
    'invalid_authorization_details',
    /more than 256 actions in all/,
  );
});

test('a token request that names the same connection and origin twice is refused', async () => {
  const { world, client, sealed } = await scene([API, ['GET'], ['/**']]);
  const twice = [wish(sealed, ['GET /a']), wish(sealed, ['GET /b'])];
  const sentence = /^Two authorization details name the same connection and origin/;
  await assertOAuth(await ask(world, client, twice), 400, 'invalid_authorization_details', sentence);
});

test('[token.bound] details that carry no credential have at most 32,768 characters, and are not read beyond', async () => {
  const { world, client, sealed } = await scene([API, ['GET'], ['/**']]);
  const sentence = /^"authorization_details" without a sealed credential has at most 32768 characters\.$/;
  const answer = await ask(world, client, [{ ...wish(sealed, ['GET /a']), name: 'x'.repeat(32_768) }]);
  await assertOAuth(answer, 400, 'invalid_authorization_details', sentence);
  const unread = await askToken(world, client, { resource: MCP, authorization_details: '['.repeat(32_769) });
  await assertOAuth(unread, 400, 'invalid_authorization_details', sentence);
});

test('[token.bound] eight credentials of the largest size still fit into one request', async () => {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world);
  const carried = Array.from({ length: 8 }, (_, n) =>
    submission(seal(world, client.id, client.key, { connection: `c${n}`, servers: [MCP, ...manyServers()] })),
  );
  const answer = await ask(
    world,
    client,
    carried.map((each) => ({ type: 'dauth_credential', ...each })),
  );
  assert.equal(answer.status, 200, await answer.text());
});

/** Makes a header large, so that eight of them are larger than the bound without credentials. */
function manyServers(): string[] {
  return Array.from({ length: 31 }, (_, n) => `https://${'s'.repeat(60)}.example/${'p'.repeat(90)}${n}`);
}

test('a wish whose token no server would take in a header is refused at issuance, in one sentence', async () => {
  const { world, client, sealed } = await scene([API, ['GET', 'POST'], ['/**']]);
  const actions = (count: number) => paths(count, 200).map((path) => `GET ${path}`);
  const answer = await ask(world, client, [wish(sealed, actions(20))]);
  assert.equal(answer.status, 200);
  const { access_token } = (await answer.json()) as { access_token: string };
  assert.ok(access_token.length <= 10_240, String(access_token.length));
  const sentence =
    /^The token would have more than 10240 characters, which servers do not take in a header\. Ask for fewer/;
  await assertOAuth(
    await ask(world, client, [wish(sealed, actions(60))]),
    400,
    'invalid_authorization_details',
    sentence,
  );
});

test('[token.bound] the largest token that is issued can be exchanged: its dispatch token fits too', async () => {
  const { world, client, server, sealed } = await scene([API, ['GET'], ['/**']]);
  let largest = '';
  for (let count = 28; count <= 48; count++) {
    const details = [
      wish(
        sealed,
        paths(count, 180).map((path) => `GET ${path}`),
      ),
    ];
    const answer = await ask(world, client, details);
    if (answer.status === 200) largest = ((await answer.json()) as { access_token: string }).access_token;
  }
  assert.ok(largest.length > 9_500, String(largest.length));
  const answer = await exchange(world, client.key, server, largest);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  assert.ok((JSON.parse(text) as { access_token: string }).access_token.length <= 12_288);
});

test('[token.bound] an exchange reads no more than 32,768 characters of details', async () => {
  const { world, client, server } = await scene([API, ['GET'], ['/**']]);
  const { access_token } = await getToken(world, client, { resource: MCP });
  const form = { authorization_details: `[${' '.repeat(32_768)}]` };
  const sentence = /larger than allowed/;
  const answer = await exchange(world, client.key, server, access_token, form);
  await assertOAuth(answer, 400, 'invalid_authorization_details', sentence);
});

function exchange(
  world: World,
  caller: Signer,
  server: Party,
  token: string,
  form: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const subject_dpop = dpop(caller, { htm: 'POST', htu: MCP, iat: world.clock.now, token });
  const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token';
  const subject = { subject_token: token, subject_token_type, subject_dpop };
  return askToken(world, server, { grant_type: EXCHANGE, resource: EXECUTOR, ...subject, ...form });
}

test('a rule that no token can say whole is refused before it is stored; one that fits is taken', async () => {
  const world = await makeWorld();
  const client = await addClient(world);
  const store = (connection: string, rule: ReturnType<typeof allow>) =>
    call(
      world,
      client,
      'POST',
      '/connections',
      submission(seal(world, client.id, client.key, { connection, allow: [rule] })),
    );
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
  const fits = allow(API, methods, paths(10, 90));
  assert.ok(JSON.stringify(detailsFromAllow('x' as never, 'fits', [fits])).length < 6_656);
  assert.equal((await store('fits', fits)).status, 201);
  const sentence = /^A rule of the envelope allows more methods and paths than a token can name\. Seal fewer/;
  await assertProblem(await store('over', allow(API, methods, paths(20, 90))), 400, 'INVALID_REQUEST', sentence);
});
