/** Files of the data directory, against other users, links that were laid, and what a crash leaves behind. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { createDurably, writeDurably } from './files.ts';
import { fileSeqStore, openHome } from './home.ts';
import { generateKeyFile, readKeyFile } from './key-file.ts';
import { openMemory } from './memory.ts';
import { CliError } from './output.ts';
import { readSecret } from './secret.ts';

let dir: string;
const made: string[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dauth-files-'));
  made.push(dir);
});
after(() => made.forEach((each) => rmSync(each, { recursive: true, force: true })));

const cliError = (exit: number, code: string, message: string) => (error: unknown) => {
  assert.ok(error instanceof CliError, String(error));
  assert.deepEqual([error.exit, error.code, error.message], [exit, code, message]);
  return true;
};
const LOST = cliError(
  9,
  'MEMORY_LOST',
  'What this device remembers against rolling back cannot be read, so nothing was sealed or sent.',
);

test('a file is written whole, with its mode, and leaves no draft behind', () => {
  const path = join(dir, 'a');
  writeDurably(path, 'one', 0o600);
  writeDurably(path, 'two', 0o600);
  assert.equal(readFileSync(path, 'utf8'), 'two');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(dir), ['a']);
});

test('a link where a file is to be is replaced or left alone, and never written through', () => {
  const [victim, path] = [join(dir, 'victim'), join(dir, 'a')];
  writeFileSync(victim, 'untouched');
  symlinkSync(victim, path);
  symlinkSync(victim, `${path}.${process.pid}.tmp`);
  assert.equal(createDurably(path, 'x', 0o600), false);
  writeDurably(path, 'x', 0o600);
  assert.equal(readFileSync(victim, 'utf8'), 'untouched');
  assert.equal(readFileSync(path, 'utf8'), 'x');
});

test('a key file is never made over anything, not even over a link to nothing', async () => {
  const path = join(dir, 'key.jwk');
  symlinkSync(join(dir, 'nowhere'), path);
  await assert.rejects(
    generateKeyFile(path),
    cliError(8, 'EXISTS', 'The key file exists already; it is not overwritten.'),
  );
  assert.deepEqual(readdirSync(dir), ['key.jwk']);
});

test(
  '[token.bound] a key file that others can read is refused, with what to do',
  { skip: process.platform === 'win32' && 'Windows has no modes' },
  async () => {
    const path = join(dir, 'key.jwk');
    await generateKeyFile(path);
    assert.equal((await readKeyFile(path)).key.jwk.kty, 'EC', 'control');
    for (const mode of [0o640, 0o604, 0o620, 0o610]) {
      chmodSync(path, mode);
      await assert.rejects(readKeyFile(path), (error: unknown) => {
        cliError(3, 'KEY_EXPOSED', 'Other users of this machine can read the key file, so the key is not used.')(error);
        assert.equal(
          (error as CliError).hint,
          'Run "chmod 600" on it. If somebody may have read it, register a new key.',
        );
        return true;
      });
    }
  },
);

test('a key file that is not there, or holds something else, is refused', async () => {
  await assert.rejects(readKeyFile(join(dir, 'none')), cliError(3, 'NO_KEY', 'The key file cannot be read.'));
  for (const text of ['null', '[]', '{}', 'x', '"a"']) {
    writeFileSync(join(dir, 'other'), text, { mode: 0o600 });
    await assert.rejects(
      readKeyFile(join(dir, 'other')),
      cliError(3, 'BAD_KEY', 'The key file does not hold a private EC P-256 JWK.'),
    );
  }
});

test('[seal.client-only] what was remembered outlives the process and never goes back', () => {
  const home = openHome(join(dir, 'home'));
  assert.equal(fileSeqStore(home).advance('a', 6), true);
  assert.equal(fileSeqStore(home).advance('b', 1), true);
  assert.equal(fileSeqStore(home).advance('a', 5), false);
  assert.equal(fileSeqStore(home).advance('a', 6), true);
  assert.equal(fileSeqStore(home).advance('a', 7), true);
  assert.deepEqual(
    [...openMemory(home.seqFile, () => undefined).highest()],
    [
      ['a', 7],
      ['b', 1],
    ],
  );
});

test('[seal.client-only] two commands at once do not take back what the other remembers', () => {
  const path = join(dir, 'memory.json');
  openMemory(path, () => undefined).advance('a', 5);
  // What another command adds between this one's look and its own line.
  const late = openMemory(path, () => writeFileSync(path, '{"a":9}\n', { flag: 'a' }));
  assert.equal(late.advance('a', 7), false);
  assert.equal(
    openMemory(path, () => undefined)
      .highest()
      .get('a'),
    9,
  );
});

test('a memory written by an earlier version, as one object, is read', () => {
  const path = join(dir, 'memory.json');
  writeFileSync(path, '{"a":5,"b":2}');
  const memory = openMemory(path, () => undefined);
  assert.equal(memory.advance('a', 4), false);
  assert.equal(memory.advance('b', 3), true);
  assert.deepEqual(
    [...memory.highest()],
    [
      ['a', 5],
      ['b', 3],
    ],
  );
});

test('[seal.client-only] a memory that cannot be read whole is an integrity failure, never an empty one', () => {
  const path = join(dir, 'memory.json');
  const memory = openMemory(path, () => undefined);
  assert.equal(memory.highest().size, 0, 'control: only a file that is not there is empty');
  memory.advance('a', 5);
  const whole = readFileSync(path, 'utf8');
  for (let length = 0; length < whole.length - 1; length++) {
    writeFileSync(path, whole);
    truncateSync(path, length);
    assert.throws(() => memory.highest(), LOST, `cut to ${length}`);
    assert.throws(() => memory.advance('a', 9), LOST);
  }
  for (const text of ['{"a":"5"}\n', '{"a":-1}\n', '[5]\n', 'null\n', '{"a":5,"a":4}\n']) {
    writeFileSync(path, text);
    assert.throws(() => memory.highest(), LOST, text);
  }
  writeFileSync(path, '{"a":5}\n{"b');
  assert.deepEqual([...memory.highest()], [['a', 5]], 'a line that a power cut tore was never acknowledged');
  rmSync(path);
  mkdirSync(path);
  assert.throws(() => memory.advance('a', 9), LOST, 'a directory');
});

test('a credential from a file is read whole up to 64 KiB, and not at all beyond', async () => {
  const path = join(dir, 'secret');
  const read = async () => (await readSecret({ fromFile: path, noInput: true }, ['token'])).token!;
  for (const [text, length] of [
    ['ghp_x\n', 5],
    ['ghp_x\r\n', 5],
    [`${'x'.repeat(65_536)}\r\n`, 65_536],
  ] as const) {
    writeFileSync(path, text);
    assert.equal((await read()).length, length);
  }
  for (const size of [65_537, 65_539, 10_000_000]) {
    writeFileSync(path, 'x'.repeat(size));
    await assert.rejects(read(), cliError(2, 'USAGE', 'The credential is larger than 65,536 octets.'));
  }
  await assert.rejects(
    readSecret({ fromFile: join(dir, 'none'), noInput: true }, ['token']),
    cliError(2, 'USAGE', 'The file named by --from-file cannot be read.'),
  );
});
