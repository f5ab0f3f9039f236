/** Assertions of clients whose refresh token is exchanged, through the real doors: every version has those that are good still. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { LIMITS, type ConnectionHandle } from '@dauth/protocol';
import { openTokens } from '../secret/kept-token.ts';
import { wipe } from '../secret/memory.ts';
import { World } from '../support/room.test-support.ts';
import { makePair } from '../support/signer.test-support.ts';
import { bearer } from '../support/tokens.test-support.ts';

const SCHEME = {
  ...{ scheme: 'oauth2', endpoint: 'https://login.example/oauth/token', client_id: 'me' },
  ...{ private_key: '{key}', alg: 'ES256', refresh_token: '{refresh_token}' },
};
const key = makePair('P-256').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;

let world: World;
let handle: ConnectionHandle;
let rotates = true;
let expires: object = {};
let isDown = false;
/** Of the assertions that the endpoint was shown, and of what answers of the API were searched for behind the token, call by call. */
let shown: string[] = [];
let searched: (readonly string[])[] = [];

beforeEach(async () => {
  [rotates, expires, isDown, shown, searched] = [true, {}, false, [], []];
  world = await World.open({ fields: { key, refresh_token: 'rt-0123456789-0' } });
  world.answer = (sent) => {
    // Not before it was filled: so it is with the real way out.
    using plaintext = sent.open();
    if (sent.asks === undefined) {
      const opened = openTokens(sent.token!, plaintext);
      searched.push(opened.slice(1).map((one) => one.toString('latin1')));
      return {};
    }
    const { target, lines, body, secrets } = sent.asks(plaintext);
    const form = new URLSearchParams(body!.toString('latin1'));
    shown.push(form.get('client_assertion')!.split('.')[2]!);
    wipe(target, lines, body, ...secrets);
    if (isDown) return { status: 503, body: Readable.from([]) };
    const next = rotates ? { refresh_token: `rt-0123456789-${shown.length}` } : {};
    return { body: Readable.from([Buffer.from(bearer(`at-0123456789-${shown.length}`, { ...next, ...expires }))]) };
  };
  handle = await world.connect({ inject: [SCHEME] });
});
afterEach(() => world[Symbol.asyncDispose]());

const code = async (): Promise<unknown> =>
  ((await world.dispatch(handle)).json.error as { code: string } | undefined)?.code;

for (const isReplaced of [true, false])
  test(`[response.clean] with a refresh token that is ${isReplaced ? 'replaced' : 'kept'} answers are searched for each assertion that is good still`, async () => {
    [rotates, expires] = [isReplaced, { expires_in: 0 }];
    for (let call = 0; call < 3; call++) assert.equal(await code(), undefined);
    assert.equal(world.authority.stored.get(handle)!.ver, isReplaced ? 4 : 1);
    assert.deepEqual(searched, [shown.slice(0, 1), shown.slice(0, 2), shown]);
    world.clock.ms += 121_000;
    assert.equal(await code(), undefined);
    assert.deepEqual(searched.at(-1), shown.slice(3), 'those before are good no more');
  });

test('[response.clean] answers are searched for the assertions by which no token came', async () => {
  isDown = true;
  assert.equal(await code(), 'DOWNSTREAM_UNREACHABLE');
  isDown = false;
  assert.equal(await code(), undefined);
  assert.deepEqual([searched.length, searched[0]], [1, shown]);
  assert.equal(shown.length, 2);
});

test('[response.clean] however often a refresh fails another is asked for, and answers are searched for the newest', async () => {
  isDown = true;
  for (let call = 0; call < LIMITS.assertions; call++) assert.equal(await code(), 'DOWNSTREAM_UNREACHABLE');
  isDown = false;
  assert.equal(await code(), undefined);
  assert.equal(shown.length, LIMITS.assertions + 1);
  assert.deepEqual(searched.at(-1), shown.slice(1));
});
