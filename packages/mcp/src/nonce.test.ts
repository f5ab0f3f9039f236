/** Nonces: asked for only where a server has them, good for a time, and understood by the official client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DpopSession, withDpop } from '@modelcontextprotocol/client';
import { both, CONFIG, makeGate, makeToken, NOW, post, RESOURCE, said } from './gate.test-support.ts';
import { hmacNonces } from './nonce.ts';

const KEY = new Uint8Array(32).fill(7);
const at = (now: number, key = KEY) => hmacNonces({ key, now: () => now });
const SENTENCE = 'The DPoP proof lacks a nonce of this server. Sign one with the DPoP-Nonce of this answer.';
const gateAt = (now = NOW) => makeGate(CONFIG, undefined, { nonces: at(now) });

test('[token.bound] a proof with the nonce of this server gets in (control), and its answer has the next one', async () => {
  const answer = await gateAt().fetch(post(both(makeToken(), { nonce: at(NOW).issue() })));
  assert.equal(answer.status, 200, await answer.clone().text());
  assert.equal(answer.headers.get('dpop-nonce'), at(NOW).issue());
});

test('no nonce is asked for, or given, where there are none', async () => {
  const answer = await makeGate().fetch(post(both()));
  assert.deepEqual([answer.status, answer.headers.get('dpop-nonce')], [200, null]);
});

for (const [what, nonce] of [
  ['no nonce', undefined],
  ['one that is no text', 7],
  ['one by another key', at(NOW, new Uint8Array(32).fill(8)).issue()],
  ['one of another time', at(NOW - 120).issue()],
  ['one that is not given out yet', at(NOW + 60).issue()],
  ['the time of one', at(NOW).issue().split('.')[0]],
] as const) {
  test(`[token.bound] a proof with ${what} is refused, with the one it needs`, async () => {
    const answer = await gateAt().fetch(post(both(makeToken(), { nonce })));
    assert.equal(answer.headers.get('dpop-nonce'), at(NOW).issue());
    const { status, code, detail, challenge } = await said(answer);
    assert.deepEqual([status, code, detail], [401, 'UNAUTHENTICATED', SENTENCE]);
    assert.match(challenge, /^DPoP error="use_dpop_nonce"/);
  });
}

test('a nonce is good until the next but one', () => {
  const start = Math.floor(NOW / 60) * 60;
  const nonce = at(start).issue();
  assert.deepEqual(
    [start - 1, start, start + 119, start + 120].map((now) => at(now).verify(nonce)),
    [false, true, true, false],
  );
});

test('one process makes its own key up, and knows no nonce of another', () => {
  const [one, other] = [hmacNonces(), hmacNonces()];
  assert.deepEqual([one.verify(one.issue()), other.verify(one.issue())], [true, false]);
});

test('a key that is short and a time out of range are refused', () => {
  assert.throws(() => hmacNonces({ key: new Uint8Array(31) }), new TypeError('key must have at least 32 octets'));
  for (const seconds of [4, 301, 5.5])
    assert.throws(() => hmacNonces({ seconds }), new TypeError('seconds must be a whole number from 5 to 300'));
});

test('the official client signs again with the nonce it is given', async () => {
  const session = await DpopSession.create();
  // It dates its proofs by the clock on the wall.
  const now = () => Math.floor(Date.now() / 1_000);
  const token = makeToken({ iat: now(), exp: now() + 200, cnf: { jkt: session.thumbprint } });
  const gate = makeGate(CONFIG, undefined, { nonces: hmacNonces(), now });
  const statuses: number[] = [];
  const signing = withDpop(
    session,
    () => token,
  )(async (url, init) => {
    const answer = await gate.fetch(new Request(url, init));
    statuses.push(answer.status);
    return answer;
  });
  const answer = await signing(RESOURCE, { method: 'POST', body: '{}' });
  assert.deepEqual([answer.status, statuses], [200, [401, 200]]);
});
