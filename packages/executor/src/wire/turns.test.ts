/** Turns: one piece of work in each turn of the loop, for those alone that wait still, and for so many. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DAuthError, type ErrorCode } from '@dauth/protocol';
import { Turns } from './turns.ts';

const PATIENT = { owner: 'ada', ms: 60_000, signal: undefined };
const is = (code: ErrorCode) => (error: unknown) => error instanceof DAuthError && error.code === code;

/** Counts turns of the loop until it is stopped. */
function countTurns(): { now: number; isStopped: boolean } {
  const turns = { now: 0, isStopped: false };
  const count = (): void => {
    turns.now++;
    if (!turns.isStopped) setImmediate(count);
  };
  setImmediate(count);
  return turns;
}

test('of work that comes at once each turn of the loop has one piece, in the order in which it came', async () => {
  const [turns, counted] = [new Turns(), countTurns()];
  const had: (readonly [piece: number, turn: number])[] = [];
  const work = Array.from({ length: 16 }, (_, i) => turns.take(() => had.push([i, counted.now]), PATIENT));
  assert.equal(had.length, 0, 'nothing is done where it is asked for');
  await Promise.all(work);
  counted.isStopped = true;
  assert.deepEqual(
    had.map(([i]) => i),
    Array.from({ length: 16 }, (_, i) => i),
  );
  assert.equal(new Set(had.map(([, at]) => at)).size, 16);
});

test('work that fails is told of to whoever asked for it, and the next has its turn', async () => {
  const turns = new Turns();
  const failing = turns.take(() => assert.fail('it failed'), PATIENT);
  const next = turns.take(() => 'done', PATIENT);
  await assert.rejects(failing, /it failed/);
  assert.equal(await next, 'done');
});

test('[dispatch.bound] whoever left, or whose time ended, has no turn', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const turns = new Turns();
  const leaving = new AbortController();
  const done: string[] = [];
  const first = turns.take(() => done.push('first'), PATIENT);
  const left = turns.take(() => done.push('left'), { ...PATIENT, signal: leaving.signal });
  const late = turns.take(() => done.push('late'), { ...PATIENT, ms: 50 });
  const last = turns.take(() => done.push('last'), PATIENT);
  leaving.abort();
  t.mock.timers.tick(50);
  await assert.rejects(left, is('ENCLAVE_UNAVAILABLE'));
  await assert.rejects(late, is('DOWNSTREAM_TIMEOUT'));
  await Promise.all([first, last]);
  await turn();
  assert.deepEqual(done, ['first', 'last']);
});

test('[dispatch.bound] where too many of one owner wait another is refused, and nobody who left counts', async () => {
  const turns = new Turns();
  const leaving = new AbortController();
  const work = Array.from({ length: 64 }, (_, i) =>
    turns.take(() => i, i < 2 ? { ...PATIENT, signal: leaving.signal } : PATIENT),
  );
  await assert.rejects(
    turns.take(() => assert.fail('it had a turn'), PATIENT),
    is('RATE_LIMITED'),
  );
  const other = turns.take(() => 'of bob', { ...PATIENT, owner: 'bob' });
  leaving.abort();
  await assert.rejects(work[0]!, is('ENCLAVE_UNAVAILABLE'));
  await assert.rejects(work[1]!, is('ENCLAVE_UNAVAILABLE'));
  assert.equal(await turns.take(() => 'another', PATIENT), 'another');
  assert.equal((await Promise.all([other, ...work.slice(2)])).length, 63);
});

test('[dispatch.bound] an owner for whom one waits has a turn after one of each other, however many wait for them', async () => {
  const turns = new Turns();
  const had: string[] = [];
  const of = (owner: string) => turns.take(() => had.push(owner), { ...PATIENT, owner });
  await Promise.all([of('ada'), of('ada'), of('ada'), of('bob'), of('cyd'), of('cyd')]);
  assert.deepEqual(had, ['ada', 'bob', 'cyd', 'ada', 'cyd', 'ada']);
});
