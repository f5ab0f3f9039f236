/** Gives the prover defences that are missed and defences that are not, in a tiny tree of its own. */
import assert from 'node:assert/strict';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeTempDir, run } from '../support/process.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DEFENCE = 'export const isAllowed = (n: number): boolean => n > 0;\n';
const TESTS = `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAllowed } from './a.ts';
void test('below zero is refused', () => assert.equal(isAllowed(-1), false));
void test('above zero is allowed', () => assert.equal(isAllowed(1), true));
void test('breaks in another way', () => { if (isAllowed(-1)) throw new TypeError('not an assertion'); });
void test('is broken already', () => assert.equal(isAllowed(-1), true));
`;

const mutant = (name: string, find = 'n > 0', replace = 'n > 0 || n < 0') => ({
  claim: 'seal.bound',
  file: 'packages/one/src/a.ts',
  find,
  replace,
  test: { file: 'packages/one/dist/a.test.js', name },
});

/** Runs the prover over a tree with one package. */
async function prove(mutants: readonly object[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  await using dir = await makeTempDir();
  const options = { rootDir: 'packages/one/src', outDir: 'packages/one/dist', types: ['node'], composite: true };
  const files: Readonly<Record<string, string>> = {
    'tsconfig.json': JSON.stringify({
      extends: join(ROOT, 'tsconfig.base.json'),
      compilerOptions: options,
      include: ['packages/one/src'],
    }),
    'package.json': '{"type":"module"}',
    'packages/one/src/a.ts': DEFENCE,
    'packages/one/src/a.test.ts': TESTS,
    'test/dist/mutants/all.js': `export const MUTANTS = ${JSON.stringify(mutants)};`,
  };
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir.path, file)), { recursive: true });
    await writeFile(join(dir.path, file), text);
  }
  await cp(join(ROOT, 'tools/outcomes.mjs'), join(dir.path, 'tools/outcomes.mjs'));
  await symlink(join(ROOT, 'node_modules'), join(dir.path, 'node_modules'));
  const built = await run({ file: process.execPath, args: ['node_modules/typescript/bin/tsc', '-b'], cwd: dir.path });
  assert.equal(built.code, 0, built.stdout);
  const args = [join(ROOT, 'tools/prove.mjs'), '--root', dir.path];
  return await run({ file: process.execPath, args, timeoutMs: 170_000 });
}

suite('the prover', () => {
  test('is content where the test misses its defence', async () => {
    const { code, stdout, stderr } = await prove([mutant('below zero is refused')]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^ok {3}1\/1 \[seal\.bound\] packages\/one\/src\/a\.ts: below zero is refused$/m);
    assert.match(stdout, /^1 of 1 defences are missed by their test when they are gone$/m);
  });

  test('fails for every defence whose test proves nothing, and says why', async () => {
    const bad: readonly (readonly [object, why: string])[] = [
      [mutant('above zero is allowed'), 'without the defence the test did not fail by its assertion (pass)'],
      [
        mutant('breaks in another way'),
        'without the defence the test did not fail by its assertion (fail TypeError not an assertion)',
      ],
      [
        mutant('is broken already'),
        'the control did not pass (fail ERR_ASSERTION Expected values to be strictly equal: false !== true)',
      ],
      [mutant('is not there'), 'the control did not pass (it did not run)'],
      [
        mutant('below zero is refused', 'n > 1'),
        'the defence is not there exactly once; bring test/mutants/ up to date',
      ],
    ];
    const { code, stdout, stderr } = await prove([
      ...bad.map(([each]) => each),
      mutant('below zero is refused', 'n > 0', 'n > ;'),
    ]);
    assert.equal(code, 1, stderr);
    const said = stdout.split('\n').filter((line) => line.startsWith('     '));
    assert.deepEqual(
      said.slice(0, bad.length),
      bad.map(([, why]) => `     ${why}`),
    );
    assert.match(said[bad.length] ?? '', /^ {5}the mutant does not compile: packages\/one\/src\/a\.ts/);
    assert.match(stdout, /^0 of 6 defences are missed by their test when they are gone$/m);
  });

  test('proves nothing with no mutants', async () => {
    const { code } = await prove([]);
    assert.equal(code, 1);
  });
});
