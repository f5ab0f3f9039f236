/** How often somebody may guess, whatever else is sent meanwhile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import type { HttpContext } from '../http.ts';
import { START } from '../world.test-support.ts';
import { Tries } from './tries.ts';

/** As much of a request as is looked at. */
function context(): { c: HttpContext; headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  const c = { header: (name: string, value: string) => void (headers[name] = value) } as unknown as HttpContext;
  return { c, headers };
}

function isTaken(tries: Tries, key: string): boolean {
  try {
    tries.take(context().c, key);
    return true;
  } catch (error) {
    assert.ok(error instanceof DAuthError && error.code === 'RATE_LIMITED');
    return false;
  }
}

test('tries at any number of others give nobody theirs back before the window ends', () => {
  const clock = { now: START };
  const tries = new Tries(() => clock.now, 3, 600);
  for (let count = 0; count < 3; count++) assert.ok(isTaken(tries, 'ada'));
  for (let other = 0; other < 50_000; other++) isTaken(tries, `nobody ${other}`);
  clock.now += 599;
  assert.equal(isTaken(tries, 'ada'), false);
  clock.now += 1;
  assert.ok(isTaken(tries, 'ada'));
});

test('a try that was right does not count, and the others still do', () => {
  const clock = { now: START };
  const tries = new Tries(() => clock.now, 3, 600);
  for (let count = 0; count < 9; count++) {
    assert.ok(isTaken(tries, 'ada'));
    tries.giveBack('ada');
  }
  for (let count = 0; count < 3; count++) assert.ok(isTaken(tries, 'ada'));
  clock.now += 100;
  const { c, headers } = context();
  assert.throws(() => tries.take(c, 'ada'), { code: 'RATE_LIMITED' });
  assert.equal(headers['retry-after'], '500');
});
