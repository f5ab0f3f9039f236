/** Assertions that are good still: how many, for how long, and under which envelope. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { DAuthError, LIMITS, type TokenScheme } from '@dauth/protocol';
import { HANDLE, plaintextOf } from '../support/calls.test-support.ts';
import { KeptAssertions } from './kept-assertions.ts';
import { keepToken, openToken, rekeepToken, type KeptToken } from './kept-token.ts';

const [FIRST, SECOND] = [1, 2].map((ver) => ({ handle: HANDLE, ver })) as [Connection, Connection];
type Connection = Parameters<KeptAssertions['of']>[0];
const ONE = { scheme: 'jwt_bearer' } as TokenScheme;
const TWO = { scheme: 'id_jag' } as TokenScheme;

let ms = 0;
const make = (): KeptAssertions => new KeptAssertions(() => ms);

function kept(octets = 86, keeping?: number): KeptToken {
  using plaintext = plaintextOf({}, keeping);
  return keepToken(randomBytes(octets), plaintext);
}

const isTooMany = (error: unknown): boolean => error instanceof DAuthError && error.code === 'RATE_LIMITED';

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

test('[response.clean] an assertion more than answers can be searched for is refused, though it was begun before', () => {
  const assertions = make();
  for (let i = 0; i < LIMITS.assertions; i++) assertions.add(FIRST, kept(683), 60);
  assert.throws(() => assertions.add(FIRST, kept(), 60), isTooMany);
  assert.equal(assertions.of(FIRST).length, LIMITS.assertions);
  assertions.add(SECOND, kept(), 60);
  const large = make();
  for (let octets = 0; octets < LIMITS.assertionsTotal; octets += LIMITS.injectedValue)
    large.add(FIRST, kept(LIMITS.injectedValue), 60);
  assert.throws(() => large.add(FIRST, kept(8), 60), isTooMany);
});

test('[response.clean] there is room for an exchange only where there is for the most that it adds', () => {
  const assertions = make();
  const room = (): readonly boolean[] => [ONE, TWO].map((scheme) => assertions.hasRoom(FIRST, scheme));
  for (let i = 0; i < LIMITS.assertions - 3; i++) assertions.add(FIRST, kept(), 60);
  assert.deepEqual(room(), [true, true]);
  assertions.add(FIRST, kept(), 60);
  assert.deepEqual(room(), [true, false]);
  assertions.add(FIRST, kept(), 60);
  assertions.add(FIRST, kept(), 60);
  assert.deepEqual(room(), [false, false]);
  ms += 120_000;
  for (const octets of [4_000, 4_000]) assertions.add(FIRST, kept(octets), 60);
  assert.deepEqual(room(), [true, true]);
  assertions.add(FIRST, kept(4_000), 60);
  assert.deepEqual(room(), [true, false]);
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
