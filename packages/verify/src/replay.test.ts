/** The in-memory replay store: first use once, bounded, and closed when full. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryReplayStore } from './replay.ts';
import { assertRefused } from './signer.test-support.ts';

const NOW = 1_795_000_000;

function makeStore(capacity = 10, perKey = capacity): { store: MemoryReplayStore; at: (seconds: number) => void } {
  let now = NOW;
  return { store: new MemoryReplayStore({ capacity, perKey, now: () => now }), at: (seconds) => void (now = seconds) };
}

test('[token.bound] a proof is taken once', () => {
  const { store } = makeStore();
  assert.equal(store.consume('jkt.jti', NOW + 120), true);
  assert.equal(store.consume('jkt.jti', NOW + 120), false);
  assert.equal(store.consume('jkt.jti', NOW + 500), false);
  assert.equal(store.consume('other.jti', NOW + 120), true);
});

test('[token.bound] a proof is remembered until its expiry and forgotten after it', () => {
  const { store, at } = makeStore();
  store.consume('a', NOW + 120);
  at(NOW + 120);
  assert.equal(store.consume('a', NOW + 240), false);
  at(NOW + 121);
  assert.equal(store.consume('b', NOW + 240), true);
  assert.equal(store.size, 1);
});

test('[token.bound] a full store refuses new proofs, keeps the old ones, and recovers with time', () => {
  const { store, at } = makeStore(2);
  store.consume('a', NOW + 60);
  store.consume('b', NOW + 120);
  assertRefused(() => store.consume('c', NOW + 120), 'RATE_LIMITED', /Too many proofs/);
  assert.equal(store.consume('a', NOW + 60), false);
  assert.equal(store.size, 2);
  at(NOW + 61);
  assert.equal(store.consume('c', NOW + 180), true);
  assert.equal(store.consume('b', NOW + 120), false);
});

test('[token.bound] one key cannot fill the store for the others: past its half a key has its quota', () => {
  const { store, at } = makeStore(10, 2);
  for (let i = 0; i < 5; i++) assert.equal(store.consume(`greedy.${i}`, NOW + 60), true, 'control: there is room');
  assertRefused(() => store.consume('greedy.5', NOW + 120), 'RATE_LIMITED', /^This key has too many proofs in use/);
  assert.equal(store.consume('greedy.0', NOW + 60), false, 'a replay is told from a quota');
  for (const key of ['other.1', 'other.2.x', 'third.1']) assert.equal(store.consume(key, NOW + 120), true);
  assertRefused(() => store.consume('other.3', NOW + 120), 'RATE_LIMITED', /^This key has too many proofs in use/);
  at(NOW + 61);
  assert.equal(store.size, 8, 'forgetting waits for the next proof');
  for (let i = 5; i < 7; i++)
    assert.equal(store.consume(`greedy.${i}`, NOW + 120), true, 'what is forgotten counts no more');
  assertRefused(() => store.consume('greedy.7', NOW + 120), 'RATE_LIMITED', /^This key has too many proofs in use/);
});

test('[token.bound] a clock set back does not make forgotten proofs fresh again', () => {
  const { store, at } = makeStore();
  store.consume('a', NOW + 120);
  at(NOW + 200);
  store.consume('b', NOW + 400);
  at(NOW);
  assert.equal(store.consume('a', NOW + 120), false);
});

test('[token.bound] whatever the order and however the clock jumps, a proof is taken once', () => {
  const step = fc.record({ proof: fc.integer({ min: 0, max: 9 }), pass: fc.integer({ min: -5, max: 5 }) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { store, at } = makeStore(1_000);
      const taken = new Set<number>();
      let now = NOW;
      for (const { proof, pass } of steps) {
        at((now += pass));
        // A proof's expiry follows from its signed `iat`, so it is the same each time the proof is shown.
        if (!store.consume(`jkt.${proof}`, NOW + 2 * proof)) continue;
        assert.ok(!taken.has(proof), 'taken twice');
        taken.add(proof);
      }
    }),
  );
});

test('[token.bound] a key that did not come from a checked proof is a defect of the caller', () => {
  const { store } = makeStore();
  assert.throws(() => store.consume('', NOW), { name: 'TypeError', message: /1 to 256 characters/ });
  assert.throws(() => store.consume('x'.repeat(257), NOW), { name: 'TypeError', message: /1 to 256 characters/ });
  assert.throws(() => store.consume('x', Number.NaN), { name: 'TypeError', message: /Unix time/ });
  assert.throws(() => new MemoryReplayStore({ capacity: 0, now: () => NOW }), {
    name: 'TypeError',
    message: 'capacity must be a positive integer',
  });
  assert.throws(() => new MemoryReplayStore({ perKey: 1.5, now: () => NOW }), {
    name: 'TypeError',
    message: 'perKey must be a positive integer',
  });
});
