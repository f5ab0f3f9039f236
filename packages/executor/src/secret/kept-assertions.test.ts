/** Assertions that are good still: how many, for how long, and under which envelope. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { DAuthError, LIMITS } from '@dauth/protocol';
import { HANDLE, plaintextOf } from '../support/calls.test-support.ts';
import { KeptAssertions } from './kept-assertions.ts';
import { keepToken, openToken, rekeepToken, type KeptToken } from './kept-token.ts';

const [FIRST, SECOND] = [1, 2].map((ver) => ({ handle: HANDLE, ver })) as [Connection, Connection];
type Connection = Parameters<KeptAssertions['of']>[0];

let ms = 0;
const make = (): KeptAssertions => new KeptAssertions(() => ms);

function kept(octets = 86, keeping?: number): KeptToken {
  using plaintext = plaintextOf({}, keeping);
  return keepToken(randomBytes(octets), plaintext);
}

test('[response.clean] an assertion is kept for a minute longer than it is good, and for an hour where nobody says so', () => {
  const assertions = make();
  const [short, unsaid, long] = [kept(), kept(), kept()];
  assertions.add(FIRST, short, 60);
  assertions.add(FIRST, unsaid, null);
  assertions.add(FIRST, long, 1_000_000);
  ms += 119_999;
  assert.deepEqual(assertions.of(FIRST), [short, unsaid, long]);
  ms += 1;
  assert.deepEqual(assertions.of(FIRST), [unsaid, long]);
  ms += 3_660_000 - 120_001;
  assert.deepEqual(assertions.of(FIRST), [unsaid, long]);
  ms += 1;
  assert.deepEqual(assertions.of(FIRST), []);
});

test('[response.clean] of a connection the newest assertions are kept that answers can be searched for', () => {
  const assertions = make();
  const many = Array.from({ length: LIMITS.assertions + 2 }, () => kept(683));
  for (const one of many) assertions.add(FIRST, one, 60);
  assert.deepEqual(assertions.of(FIRST), many.slice(2));
  const large = make();
  const three = [kept(LIMITS.injectedValue), kept(LIMITS.assertionsTotal - LIMITS.injectedValue), kept(8)];
  for (const one of three) large.add(FIRST, one, 60);
  assert.deepEqual(large.of(FIRST), three.slice(1));
});

test('[response.clean] the next version has those of the one before, for as long as they are good', () => {
  const assertions = make();
  using from = plaintextOf({}, 1);
  using to = plaintextOf({}, 2);
  const token = randomBytes(86);
  assertions.add(FIRST, kept(86, 1), 10);
  assertions.add(FIRST, keepToken(token, from), 60);
  ms += 100_000;
  assertions.carry(FIRST, SECOND, (one) => rekeepToken(one, from, to));
  const [carried, ...more] = assertions.of(SECOND);
  assert.deepEqual([more, assertions.of(FIRST)], [[], []]);
  assert.deepEqual(openToken(carried!, to), token);
  assert.throws(() => openToken(carried!, from), isNotOpened);
  ms += 20_000;
  assert.deepEqual(assertions.of(SECOND), []);
});

const isNotOpened = (error: unknown): boolean => error instanceof DAuthError && error.code === 'DECRYPTION_FAILED';

test('[memory.clean] of a token that is sealed anew nothing stays', (t) => {
  using from = plaintextOf({}, 1);
  using to = plaintextOf({}, 2);
  const token = randomBytes(86);
  const sealed = keepToken(token, from);
  const made: ArrayBuffer[] = [];
  const real = globalThis.ArrayBuffer;
  t.after(() => (globalThis.ArrayBuffer = real));
  globalThis.ArrayBuffer = new Proxy(real, {
    construct(target, given: [number]) {
      made.push(new target(...given));
      return made.at(-1)!;
    },
  });
  rekeepToken(sealed, from, to);
  assert.ok(made.some(({ byteLength }) => byteLength === token.length));
  assert.ok(made.every((buffer) => !Buffer.from(buffer).includes(token.subarray(0, 16))));
});

test('those of the connections that made one last are kept', () => {
  const assertions = make();
  const one = kept();
  for (let ver = 1; ver <= 4_097; ver++) assertions.add({ handle: HANDLE, ver }, one, 60);
  assert.deepEqual([assertions.of(FIRST).length, assertions.of(SECOND).length], [0, 1]);
});

test('[response.clean] no connection whose assertions are good no more takes the place of another', () => {
  const assertions = make();
  const one = kept();
  assertions.add(FIRST, one, 3_600);
  for (let ver = 2; ver <= 4_096; ver++) assertions.add({ handle: HANDLE, ver }, one, 10);
  ms += 100_000;
  assertions.add({ handle: HANDLE, ver: 5_000 }, one, 10);
  assert.deepEqual(assertions.of(FIRST), [one]);
});
