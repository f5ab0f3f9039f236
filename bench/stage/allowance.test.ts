/** Proofs by a clock that is moved by hand. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Allowance } from './allowance.ts';

function clock() {
  let now = 0;
  const slept: number[] = [];
  const sleep = async (ms: number) => {
    slept.push(ms);
    now += ms;
  };
  return { now: () => now, sleep, slept, pass: (ms: number) => void (now += ms) };
}

suite('the allowance of proofs', () => {
  test('is given at once while there is room', async () => {
    const at = clock();
    const allowance = new Allowance(at);
    await allowance.take(20_000);
    await allowance.take(25_000);
    assert.deepEqual(at.slept, []);
  });

  test('waits until the oldest are forgotten', async () => {
    const at = clock();
    const allowance = new Allowance(at);
    await allowance.take(20_000);
    at.pass(60_000);
    await allowance.take(20_000);
    await allowance.take(10_000);
    assert.deepEqual(at.slept, [70_000]);
    await allowance.take(15_000);
    assert.deepEqual(at.slept, [70_000]);
  });

  test('never gives more than are ever remembered', async () => {
    await assert.rejects(new Allowance(clock()).take(50_000), RangeError);
  });
});
