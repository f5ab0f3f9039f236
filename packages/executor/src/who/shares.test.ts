/** What dispatches under way may hold, in all and of one tenant; how many they may be is tried at the doors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Shares, type Place } from './shares.ts';

const FULL = { code: 'RATE_LIMITED', message: /Too many large bodies are under way/ };
const MIB = 1_048_576;

/** A place of an owner with a server key of its own. */
function enter(shares: Shares, sub: string): Place {
  const claims = { org: 'default', sub, cnf: { jkt: `key of ${sub}` } };
  return shares.enter({ claims } as unknown as Parameters<Shares['enter']>[0]);
}

test('[dispatch.bound] one owner holds a quarter of the octets at most, in whatever many places, and gives them back with each', () => {
  // 256 MiB in all.
  const shares = new Shares(1_024);
  const places = Array.from({ length: 16 }, () => enter(shares, 'mallory'));
  for (const place of places) place.hold(4 * MIB);
  const more = enter(shares, 'mallory');
  assert.throws(() => more.hold(1), FULL);
  enter(shares, 'alice').hold(64 * MIB);
  places[0]![Symbol.dispose]();
  more.hold(4 * MIB);
  assert.throws(() => more.hold(1), FULL, 'what it has itself is counted too');
});

test('[dispatch.bound] all together hold no more than all octets, and what was refused is not counted', () => {
  const shares = new Shares(1_024);
  for (const name of ['a', 'b', 'c']) enter(shares, name).hold(64 * MIB);
  const d = enter(shares, 'd');
  d.hold(60 * MIB);
  const e = enter(shares, 'e');
  assert.throws(() => e.hold(8 * MIB), FULL);
  e.hold(4 * MIB);
  assert.throws(() => d.hold(1), FULL);
});

test('the largest single dispatch has room, however few are allowed at once', () => {
  const place = enter(new Shares(1, 12 * MIB), 'alice');
  place.hold(12 * MIB);
  assert.throws(() => place.hold(1), FULL);
});
