/** What a process does with memory that it frees, as it was started and as it was not. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isFreedOverwritten, OVERWRITING } from './freed.ts';

const FREED = fileURLToPath(new URL('./freed.js', import.meta.url));
const NO_GLIBC = 'NOT CHECKED: this is not the GNU C library';
const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
const isGlibc = header.glibcVersionRuntime !== undefined;

/** What a process that is started so finds. */
function ask(env: Readonly<Record<string, string>>): string {
  const code = `import(${JSON.stringify(FREED)}).then(({ isFreedOverwritten }) => console.log(isFreedOverwritten()))`;
  return spawnSync(process.execPath, ['-e', code], { env, encoding: 'utf8' }).stdout.trim();
}

test('[memory.clean] a process that was started without it is known to leave what it frees as it is', () => {
  assert.equal(isFreedOverwritten(), false);
});

test('[memory.clean] a process that is started for it overwrites what it frees, wherever the C library can', (t) => {
  if (!isGlibc) return t.skip(NO_GLIBC);
  assert.equal(ask(OVERWRITING), 'true');
});

test('[memory.clean] a process that keeps freed blocks at hand is known to leave those as they are', (t) => {
  if (!isGlibc) return t.skip(NO_GLIBC);
  assert.equal(ask({ GLIBC_TUNABLES: OVERWRITING.GLIBC_TUNABLES!.split(':')[0]! }), 'false');
});
