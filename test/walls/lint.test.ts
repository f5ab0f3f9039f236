/** Plants what only types show into a copy of the sealed room and expects the linter to name it. */
import assert from 'node:assert/strict';
import { cp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeTempDir, run } from '../support/process.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FILE = 'packages/executor/src/planted.ts';

/** One line each; `null` is one that is right. */
const PLANTED: readonly (readonly [line: string, rule: string | null])[] = [
  ["import { suite, test } from 'node:test';", null],
  ['export const work = async (): Promise<void> => undefined;', null],
  ["suite('it', () => { test('is kept by the runner', work); });", null],
  ['export const forgets = (): void => { work(); };', 'typescript(no-floating-promises)'],
  ['export const waits = async (): Promise<void> => { await 1; };', 'typescript(await-thenable)'],
  ['export const asks = (): number => (work() ? 1 : 2);', 'typescript(no-misused-promises)'],
  [
    "export const leaves = (x: 'a' | 'b'): void => { switch (x) { case 'a': } };",
    'typescript(switch-exhaustiveness-check)',
  ],
  ['export const hides = (x: any): void => void x;', 'typescript(no-explicit-any)'],
  [
    'export const returns = async (): Promise<void> => { try { return work(); } catch { return; } };',
    'typescript(return-await)',
  ],
  ['export const shows = (b: Buffer): string => `x${b}`;', 'typescript(restrict-template-expressions)'],
  ["export const adds = (b: Buffer): string => 'x' + b;", 'typescript(restrict-plus-operands)'],
];

suite('the linter', () => {
  test('falls for what only types show, each at its line, and for nothing else', async () => {
    await using dir = await makeTempDir();
    const files = ['.oxlintrc.json', 'tsconfig.base.json'];
    for (const room of ['protocol', 'verify', 'executor'])
      files.push(...['src', 'tsconfig.json', 'package.json'].map((part) => `packages/${room}/${part}`));
    for (const file of files) await cp(join(ROOT, file), join(dir.path, file), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(dir.path, 'node_modules'));
    await writeFile(join(dir.path, FILE), PLANTED.map(([line]) => `${line}\n`).join(''));
    const oxlint = join(ROOT, 'node_modules/oxlint/bin/oxlint');
    const args = [oxlint, '--format=unix', FILE];
    const { code, stdout, stderr } = await run({ file: process.execPath, args, cwd: dir.path });
    assert.equal(code, 1, stderr);
    const said = [...stdout.matchAll(/:(\d+):\d+: .*\[Error\/(typescript\([\w-]+\))\]$/gm)].map(
      ([, line, rule]) => `${line} ${rule}`,
    );
    const expected = PLANTED.flatMap(([, rule], at) => (rule === null ? [] : [`${at + 1} ${rule}`]));
    assert.deepEqual(said.toSorted(), expected.toSorted(), stdout);
  });
});
