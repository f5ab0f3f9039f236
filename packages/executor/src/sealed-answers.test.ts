/** What an envelope says of the server that is called and of what its answers give back, through the real doors. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Readable } from 'node:stream';
import { World } from './support/room.test-support.ts';
import { ORIGIN } from './support/statements.test-support.ts';
import { bearer } from './support/tokens.test-support.ts';

const ENDPOINT = 'https://login.example/oauth/token';
const [PIN, OTHER] = ['A'.repeat(43), `${'A'.repeat(42)}E`];

let world: World;
before(async () => {
  world = await World.open();
});
beforeEach(() => {
  world.sent.length = 0;
  world.answer = () => ({});
});
after(() => world[Symbol.asyncDispose]());

test('[dispatch.bound] a call carries the pins of its origin, and the request for a token those of its endpoint', async () => {
  const scheme = { scheme: 'client_credentials', endpoint: ENDPOINT, client_id: 'me', client_secret: '{token}' };
  const handle = await world.connect({
    inject: [scheme],
    spki: [
      { origin: ORIGIN, sha256: [PIN] },
      { origin: 'https://login.example', sha256: [OTHER] },
    ],
  });
  world.answer = (sent) =>
    sent.asks === undefined ? {} : { body: Readable.from([Buffer.from(bearer('at-0123456789-abc'))]) };
  const reply = await world.dispatch(handle);
  assert.equal(reply.json.success, true, reply.text);
  assert.deepEqual(
    world.sent.map(({ address, pins }) => [address.origin, pins]),
    [
      ['https://login.example', [OTHER]],
      [ORIGIN, [PIN]],
    ],
  );
  const free = await world.connect();
  await world.dispatch(free);
  assert.equal(world.sent.at(-1)!.pins, undefined);
});

test('[response.clean] headers go back that the envelope names, and by default none of them', async () => {
  await world.dispatch(await world.connect());
  assert.equal(world.sent[0]!.releases, undefined);
  await world.dispatch(await world.connect({ response_headers: ['set-cookie'] }));
  assert.deepEqual(world.sent[1]!.releases, ['set-cookie']);
});

test('[response.clean] a call carries whether answers that hold the credential are refused, and by default they are not', async () => {
  await world.dispatch(await world.connect());
  assert.equal(world.sent[0]!.echoes, undefined);
  await world.dispatch(await world.connect({ echoes: 'refused' }));
  assert.equal(world.sent[1]!.echoes, 'refused');
});

test('cookies that come back stay apart at both doors', async () => {
  const handle = await world.connect({ response_headers: ['set-cookie'] });
  const cookies = ['a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT', 'b=2'];
  world.answer = () => ({ headers: cookies.map((cookie) => ['set-cookie', cookie] as const) });
  const buffered = await world.dispatch(handle);
  assert.deepEqual((buffered.json.response as { headers: object }).headers, { 'set-cookie': cookies });
  const streamed = await world.stream(handle);
  assert.deepEqual(streamed.cookies, cookies);
});
