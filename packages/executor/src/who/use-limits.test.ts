/** Rates and budgets: never more than was sealed, whatever stretch of time one looks at, and over restarts. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { DAuthError, makeHandle } from '@dauth/protocol';
import { Budgets } from './budgets.ts';
import { Rates } from './rates.ts';

const DAY = 86_400;
const handle = (octet: number) => makeHandle(1_795_000_000_000, new Uint8Array(10).fill(octet));
const made: string[] = [];
const directory = (): string => {
  made.push(mkdtempSync(join(tmpdir(), 'dauth-budgets-')));
  return made.at(-1)!;
};
after(() => made.forEach((each) => rmSync(each, { recursive: true })));

test('[dispatch.bound] no stretch of a rate has more than its count, however the requests lie', () => {
  const steps = fc.array(fc.oneof(fc.nat(60), fc.nat(2_500)), { minLength: 20, maxLength: 200 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 }), (gaps, count, seconds) => {
      let now = 1_000;
      const rates = new Rates(() => now);
      const taken: number[] = [];
      for (const gap of gaps) {
        now += gap;
        const { isTaken, state } = rates.take('a', { count, seconds });
        if (isTaken) taken.push(now);
        assert.ok(state.remaining >= 0 && state.remaining < count && state.resetSeconds >= 1);
        assert.ok(taken.filter((at) => at > now - seconds * 1_000).length <= count);
      }
      // A little less than it may, and no more than that: one part of the window.
      now += seconds * 1_050 + 1;
      assert.equal(rates.take('a', { count, seconds }).state.remaining, count - 1);
    }),
    { numRuns: 300 },
  );
});

test('[dispatch.bound] a rate lets nobody past the borders of its parts', () => {
  let now = 1_049;
  const rates = new Rates(() => now);
  const quota = { count: 1, seconds: 1 };
  assert.equal(rates.take('a', quota).isTaken, true);
  assert.equal(rates.take('a', quota).isTaken, false);
  now = 2_001;
  assert.equal(rates.take('a', quota).isTaken, false);
  now = 2_050;
  assert.equal(rates.take('a', quota).isTaken, true);
});

test('[dispatch.bound] a rate counts each key for itself, and takes what happened before it began', () => {
  let now = 5_000_000;
  const rates = new Rates(() => now);
  const quota = { count: 2, seconds: 10 };
  rates.remember('a', quota, 9_000);
  rates.remember('a', quota, 60_000);
  assert.deepEqual(rates.take('a', quota), { isTaken: true, state: { ...quota, remaining: 0, resetSeconds: 2 } });
  assert.equal(rates.take('a', quota).isTaken, false);
  assert.equal(rates.take('b', quota).isTaken, true);
  now += 2_000;
  assert.equal(rates.take('a', quota).isTaken, true);
});

test('[dispatch.bound] a budget has its count in each window, and the next window has it again', async () => {
  let now = 1_795_000_000;
  const budgets = await Budgets.open(directory(), () => now);
  const quota = { count: 3, seconds: DAY };
  const until = DAY - (now % DAY);
  const left = async () => (await budgets.take(handle(1), quota)).state.remaining;
  assert.deepEqual([await left(), await left(), await left()], [2, 1, 0]);
  assert.deepEqual(await budgets.take(handle(1), quota), {
    isTaken: false,
    state: { ...quota, remaining: 0, resetSeconds: until },
  });
  assert.equal((await budgets.take(handle(2), quota)).isTaken, true);
  now += until;
  assert.equal(await left(), 2);
  await budgets.close();
});

test('[dispatch.bound] a budget is spent over restarts, also after a crash, and gives nothing back', async () => {
  const at = directory();
  const now = 1_795_000_000;
  const [few, many] = [
    { count: 3, seconds: DAY },
    { count: 640, seconds: DAY },
  ];
  // Never closed: what was acknowledged is on disk.
  const first = await Budgets.open(at, () => now);
  await first.take(handle(1), few);
  await first.take(handle(1), few);
  await first.take(handle(2), many);
  appendFileSync(join(at, 'budgets.jsonl'), '{"handle":"torn');
  const second = await Budgets.open(at, () => now);
  assert.equal((await second.take(handle(1), few)).state.remaining, 0);
  assert.equal((await second.take(handle(1), few)).isTaken, false);
  // Ten were claimed ahead of their use.
  assert.equal((await second.take(handle(2), many)).state.remaining, 629);
});

test('[dispatch.bound] a clock that is set back opens no window again', async () => {
  const at = directory();
  let now = 1_795_000_000;
  const quota = { count: 1, seconds: DAY };
  const budgets = await Budgets.open(at, () => now);
  now += DAY;
  assert.equal((await budgets.take(handle(1), quota)).isTaken, true);
  now -= DAY;
  assert.equal((await budgets.take(handle(1), quota)).isTaken, false);
  // Another one is in the newest window too, and has it once.
  assert.equal((await budgets.take(handle(2), quota)).isTaken, true);
  now += DAY;
  assert.equal((await budgets.take(handle(2), quota)).isTaken, false);
  const again = await Budgets.open(at, () => now);
  assert.equal((await again.take(handle(1), quota)).isTaken, false);
});

test('[dispatch.bound] many takes at once are counted one by one, and each is on disk before it counts', async () => {
  const at = directory();
  const budgets = await Budgets.open(at, () => 1_795_000_000);
  const quota = { count: 20, seconds: DAY };
  const takes = await Promise.all(Array.from({ length: 50 }, () => budgets.take(handle(1), quota)));
  assert.equal(takes.filter(({ isTaken }) => isTaken).length, 20);
  assert.match(readFileSync(join(at, 'budgets.jsonl'), 'utf8'), /"claimed":20\}\n$/);
});

test('[dispatch.bound] without its file a budget counts nothing and allows nothing; a damaged one stops the start', async () => {
  const at = directory();
  const budgets = await Budgets.open(at, () => 1_795_000_000);
  await budgets.close();
  await assert.rejects(
    budgets.take(handle(1), { count: 1, seconds: DAY }),
    (error: unknown) => error instanceof DAuthError && error.code === 'AUDIT_UNAVAILABLE',
  );
  writeFileSync(join(at, 'budgets.jsonl'), '{"handle":"x"}\n');
  await assert.rejects(
    Budgets.open(at, () => 1_795_000_000),
    /is damaged/,
  );
});
