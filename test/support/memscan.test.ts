/** The memory scan: what is planted is found in every spelling, what is absent is not, and what cannot be seen is said. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { describeScan, isClean, scanMemory, startControl, type ScanResult } from './memscan.ts';
import { needlesOf } from './encodings.ts';
import { start } from './process.ts';

const skip = process.platform === 'linux' ? false : 'NOT CHECKED: the memory scan needs Linux';

/** Where a system has /proc but forbids the look, the scan must say so; then there is nothing more to test. */
function isForbidden(result: ScanResult): boolean {
  if (result.state === 'CHECKED') return false;
  assert.match(describeScan(result), /NOT CHECKED: this system does not let the scanner read that process/);
  return true;
}

test('a planted secret is found, and a secret that is nowhere is not', { skip }, async (t) => {
  const planted = randomBytes(32);
  const absent = randomBytes(32);
  await using control = await startControl(planted);
  const [result] = await scanMemory({
    secrets: [
      { name: 'planted', bytes: planted },
      { name: 'absent', bytes: absent },
    ],
    processes: [{ name: 'control', pid: control.pid }],
  });
  assert.ok(result);
  if (isForbidden(result)) return t.skip(describeScan(result));
  assert.equal(result.state, 'CHECKED');
  assert.deepEqual(Object.keys(result.found), ['planted']);
  assert.ok(result.found.planted!['utf-8']! >= 1);
  assert.ok(result.scanned > 1_048_576, `${result.scanned} octets`);
  assert.equal(isClean(result), false);
  assert.match(describeScan(result), /^control \(pid \d+\): CHECKED \d+ MiB: FOUND planted as utf-8 ×\d+/);
});

test('every spelling is found', { skip }, async (t) => {
  const secret = Buffer.from(`k"${randomBytes(15).toString('base64')}+/é`, 'latin1');
  const needles = needlesOf(secret);
  // Spaces keep the spellings apart, so that none is found only as a part of another.
  await using control = await startControl(Buffer.concat(needles.flatMap(({ bytes }) => [bytes, Buffer.from('  ')])));
  const [result] = await scanMemory({
    secrets: [{ name: 's', bytes: secret }],
    processes: [{ name: 'c', pid: control.pid }],
  });
  assert.ok(result);
  if (isForbidden(result)) return t.skip(describeScan(result));
  assert.equal(result.state, 'CHECKED');
  assert.deepEqual(Object.keys(result.found.s!).toSorted(), needles.map((needle) => needle.encoding).toSorted());
});

test('a process that never had the secret is clean', { skip }, async (t) => {
  await using idle = await start({
    file: process.execPath,
    args: ['-e', `console.log('{"event":"up"}'); setInterval(() => {}, 1000)`],
  });
  const [result] = await scanMemory({
    secrets: [{ name: 's', bytes: randomBytes(32) }],
    processes: [{ name: 'idle', pid: idle.pid }],
    pieces: 8,
  });
  assert.ok(result);
  if (isForbidden(result)) return t.skip(describeScan(result));
  assert.equal(isClean(result), true, describeScan(result));
});

test('a piece of a secret is found with `pieces` and not without', { skip }, async (t) => {
  const secret = randomBytes(32);
  // Its neighbours differ from the secret's own: by chance one in 128 would be the same and make a fourth window.
  const [before, after] = [Buffer.of(secret[4]! ^ 1), Buffer.of(secret[15]! ^ 1)];
  await using control = await startControl(Buffer.concat([before, secret.subarray(5, 15), after]));
  const request = { secrets: [{ name: 's', bytes: secret }], processes: [{ name: 'c', pid: control.pid }] };
  const [whole] = await scanMemory(request);
  assert.ok(whole);
  if (isForbidden(whole)) return t.skip(describeScan(whole));
  assert.equal(isClean(whole), true, describeScan(whole));
  const [pieces] = await scanMemory({ ...request, pieces: 8 });
  assert.equal(pieces?.state, 'CHECKED');
  assert.deepEqual(pieces.found, {});
  assert.deepEqual(pieces.pieces, { s: 3 });
});

test('a secret across the border of two chunks is found once', { skip }, async (t) => {
  const secret = randomBytes(32);
  // 12 MiB of secrets back to back cross every 4 MiB border somewhere.
  const count = (12 * 1_048_576) / secret.length;
  await using control = await startControl(Buffer.concat(Array<Buffer>(count).fill(secret)));
  const [result] = await scanMemory({
    secrets: [{ name: 's', bytes: secret }],
    processes: [{ name: 'c', pid: control.pid }],
  });
  assert.ok(result);
  if (isForbidden(result)) return t.skip(describeScan(result));
  assert.equal(result.state, 'CHECKED');
  const found = result.found.s!['utf-8']!;
  // The control reads its input in pieces; at most a few stray copies of a pipe's buffer may come on top.
  assert.ok(found >= count && found < count * 1.1, `${found} of ${count}`);
});

test('a process that is gone, and the scanner’s blindness, are said as NOT CHECKED', { skip }, async () => {
  const [result] = await scanMemory({
    secrets: [{ name: 's', bytes: randomBytes(32) }],
    processes: [{ name: 'gone', pid: 2 ** 22 + 1 }],
  });
  assert.equal(result?.state, 'NOT CHECKED');
  assert.match(describeScan(result), /^gone \(pid \d+\): NOT CHECKED: there is no such process, or no \/proc/);
  assert.equal(isClean(result), false);
});

test('pieces shorter than 8 octets are refused: they occur by chance', { skip }, async () => {
  await assert.rejects(
    scanMemory({ secrets: [{ name: 's', bytes: randomBytes(32) }], processes: [], pieces: 7 }),
    /pieces must have at least 8 octets/,
  );
});
