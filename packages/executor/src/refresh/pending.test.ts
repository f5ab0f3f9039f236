/** What is on its way to the authority, when two things happen at once. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { ConnectionHandle } from '@dauth/protocol';
import { deferred, type Deferred } from '../wire/deferred.ts';
import { Pending } from './pending.ts';

const HANDLE = 'ddls:conn:01931e7a-2c4b-7abc-8def-000000000001' as ConnectionHandle;
let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'dauth-pending-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** An authority whose answers come when the test says so. */
async function slow(): Promise<{ pending: Pending; asked: Map<string, Deferred<number | null>> }> {
  const asked = new Map<string, Deferred<number | null>>();
  const storeReseal = (_: ConnectionHandle, envelope: string): Promise<number | null> => {
    assert.equal(asked.has(envelope), false, 'it is stored once');
    const answer = deferred<number | null>();
    asked.set(envelope, answer);
    return answer.promise;
  };
  const pending = await Pending.open({ directory, authority: { storeReseal }, log: () => undefined });
  return { pending, asked };
}

const keep = (pending: Pending, envelope: string): Promise<void> =>
  pending.keep({ handle: HANDLE, envelope, reseal: 'a.b.c' });

test('[crash.safe] two that store one reseal at once are one, and each hears how it ended', async () => {
  const { pending, asked } = await slow();
  await pending.reserve(HANDLE);
  await keep(pending, 'second');
  const both = [pending.settle(HANDLE), pending.settle(HANDLE)];
  asked.get('second')!.resolve(7);
  assert.deepEqual(await Promise.all(both), [7, 7]);
  assert.deepEqual(readdirSync(directory), []);
});

for (const late of [7, null])
  test(`[crash.safe] a late answer (${late}) for one reseal takes nothing from the next`, async () => {
    const { pending, asked } = await slow();
    await pending.reserve(HANDLE);
    await keep(pending, 'second');
    const first = pending.settle(HANDLE);
    await keep(pending, 'third');
    const next = pending.settle(HANDLE);
    asked.get('second')!.resolve(late);
    assert.equal(await first, late);
    assert.equal(readdirSync(directory).length, 1, 'what came last is still on disk');
    while (!asked.has('third')) await new Promise(setImmediate);
    asked.get('third')!.resolve(8);
    assert.equal(await next, 8);
    assert.deepEqual(readdirSync(directory), []);
  });
