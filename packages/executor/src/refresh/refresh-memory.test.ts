/** What stays of refresh tokens, of the access tokens they are exchanged for, and of the keys they are sealed again with. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { parseInjections } from '@dauth/protocol';
import { pad } from '../support/echo.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';

/** What the endpoint gives in turn: each exchange replaces the refresh token that the one before gave. */
const random = (prefix: string): Buffer => Buffer.from(`${prefix}${randomBytes(24).toString('hex')}`);
const ACCESS = [random('at_'), random('at_')];
const REFRESH = [random('rt_'), random('rt_')];
let given = 0;
let rotates = true;

function giveTokens(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.url !== '/oauth/token') return false;
  const next = rotates ? { refresh_token: REFRESH[given % 2]!.toString() } : {};
  const access = ACCESS[given++ % 2]!.toString();
  const text = JSON.stringify({ ...next, token_type: 'Bearer', expires_in: 0, access_token: access, pad: pad(400) });
  request.resume().on('end', () => {
    if (given % 3 > 0) return response.end(text);
    response.write(text.slice(0, 50));
    setTimeout(() => response.end(text.slice(50)), 2);
  });
  return true;
}

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(giveTokens, { isOverwritten: false })));
after(() => proof[Symbol.asyncDispose]());

const CALLS = ['/', '/?echo=body&split', '/?echo=head', '/?echo=end&size=7'].map((target) => ({ target }));
const made = (): Record<string, Buffer> => ({
  ...{ 'an access token': ACCESS[0]!, 'another access token': ACCESS[1]! },
  ...{ 'a refresh token that came': REFRESH[0]!, 'another refresh token that came': REFRESH[1]! },
});

for (const [what, isRotating, members] of [
  ['that is replaced', true, { client_secret: '{second}', auth: 'client_secret_post' }],
  ['of a public client', true, {}],
  ['that stays', false, { client_secret: '{second}' }],
] as const)
  test(`[memory.clean] leaves no copy of a refresh token ${what}, nor of what it is exchanged for`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    rotates = isRotating;
    const before = given;
    const endpoint = `${proof.origin}/oauth/token`;
    const scheme = { scheme: 'oauth2', endpoint, client_id: 'robot', refresh_token: '{token}', ...members };
    await proof.assertClean(t, parseInjections([scheme]), CALLS, { made });
    assert.ok(given - before > 2, `${given - before} exchanges`);
  });
