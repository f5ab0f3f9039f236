/** Reading system-call traces: a written-down one always, a real one where strace works. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeTempDir, run } from './process.ts';
import { isDurableBefore, isSend, isSync, parseTrace, readTrace, underStrace, whyNoStrace } from './strace.ts';

const SOCKET = 'TCP:[127.0.0.1:80->127.0.0.1:9]';
const QUESTION = { file: 'db.sqlite', answer: 'HTTP/1.1 201' };
const WRITE = '10 pwrite64(17</data/db.sqlite-wal>, "frame"..., 4096, 0) = 4096';
const SYNC = '10 fdatasync(17</data/db.sqlite-wal>) = 0';
const ANSWER = `11 writev(20<${SOCKET}>, [{iov_base="HTTP/1.1 201 Created\\r\\n", iov_len=22}], 1) = 22`;

function isDurable(...lines: string[]): boolean {
  return isDurableBefore(parseTrace(lines.join('\n')), QUESTION);
}

test('calls are read with process, target and result', () => {
  const [write, sync, answer] = parseTrace([WRITE, SYNC, ANSWER].join('\n'));
  assert.deepEqual(
    [write?.pid, write?.name, write?.target, write?.result],
    [10, 'pwrite64', '/data/db.sqlite-wal', 4096],
  );
  assert.ok(isSync(sync!));
  assert.ok(isSend(answer!));
  assert.equal(answer?.target, SOCKET);
});

test('an answer after write and sync is durable; before the sync, or without one, it is not', () => {
  assert.equal(isDurable(WRITE, SYNC, ANSWER), true);
  assert.equal(isDurable(WRITE, ANSWER, SYNC), false);
  assert.equal(isDurable(WRITE, ANSWER), false);
  assert.equal(isDurable(SYNC, WRITE, ANSWER), false);
  assert.equal(isDurable(WRITE, SYNC, WRITE, ANSWER), false);
});

test('a failed sync, or one of another file, is none', () => {
  assert.equal(isDurable(WRITE, '10 fdatasync(17</data/db.sqlite-wal>) = -1 EIO (Input/output error)', ANSWER), false);
  assert.equal(isDurable(WRITE, '10 fsync(9</data/other>) = 0', ANSWER), false);
});

test('nothing written or nothing answered shows nothing', () => {
  assert.equal(isDurable(SYNC, ANSWER), false);
  assert.equal(isDurable(WRITE, SYNC), false);
});

test('a sync that was still running when the answer left does not count', () => {
  const begun = '10 fdatasync(17</data/db.sqlite-wal> <unfinished ...>';
  const resumed = '10 <... fdatasync resumed>) = 0';
  assert.equal(isDurable(WRITE, begun, ANSWER, resumed), false);
  assert.equal(isDurable(WRITE, begun, resumed, ANSWER), true);
});

test(
  'a real trace tells a program that syncs before it answers from one that does not',
  { skip: whyNoStrace() },
  async () => {
    for (const isSynced of [true, false]) {
      await using directory = await makeTempDir();
      const log = join(directory.path, 'trace');
      const script = `
      const fs = require('node:fs');
      const fd = fs.openSync(${JSON.stringify(join(directory.path, 'db.sqlite'))}, 'w');
      require('node:http').createServer((q, r) => {
        fs.writeSync(fd, 'row');
        if (${isSynced}) fs.fdatasyncSync(fd);
        r.writeHead(201).end('stored');
      }).listen(0, '127.0.0.1', async function () {
        await (await fetch('http://127.0.0.1:' + this.address().port, { method: 'POST' })).text();
        process.exit(0);
      });`;
      const ended = await run(underStrace(log, process.execPath, ['-e', script]));
      assert.equal(ended.code, 0, ended.stderr);
      assert.equal(isDurableBefore(await readTrace(log), QUESTION), isSynced);
    }
  },
);
