/** Plants each kind of violation into a copy of the packages and expects the walls to name it. */
import assert from 'node:assert/strict';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeTempDir, run } from '../support/process.ts';
import { EDITED, PLANTED } from './planted.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

suite('the walls', () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  before(async () => {
    dir = await makeTempDir();
    await cp(join(ROOT, 'architecture.json'), join(dir.path, 'architecture.json'));
    for (const room of await readdir(join(ROOT, 'packages'))) {
      for (const part of ['src', 'package.json', 'tsconfig.json'])
        await cp(join(ROOT, 'packages', room, part), join(dir.path, 'packages', room, part), { recursive: true });
    }
  });
  after(() => dir?.[Symbol.asyncDispose]());

  const check = () => run({ file: process.execPath, args: [join(ROOT, 'tools/walls.mjs'), '--root', dir.path] });

  test('stand in this tree', async () => {
    const { code, stderr } = await check();
    assert.equal(code, 0, stderr);
  });

  // All are planted together and looked for by file, line and sentence: one run shows them all.
  test('fall for each violation', async (t) => {
    const kept = new Map<string, string | null>();
    const read = async (file: string): Promise<string | null> => {
      const text = await readFile(join(dir.path, file), 'utf8').catch(() => null);
      if (!kept.has(file)) kept.set(file, text);
      return text;
    };
    const expected: (readonly [kind: string, sentence: string])[] = [];
    for (const { kind, file, text, says } of PLANTED) {
      const now = (await read(`packages/${file}`)) ?? '';
      expected.push([kind, `packages/${file}:${now.split('\n').length} ${says}.`]);
      await writeFile(join(dir.path, 'packages', file), `${now}${text}\n`);
    }
    for (const { kind, file, from, to, says } of EDITED) {
      const now = (await read(file)) ?? '';
      assert.ok(now.includes(from), `${file} has what is edited in it`);
      expected.push([kind, says]);
      await writeFile(join(dir.path, file), now.replace(from, to));
    }
    const { code, stderr } = await check();
    for (const [file, text] of kept)
      await (text === null ? rm(join(dir.path, file)) : writeFile(join(dir.path, file), text));
    assert.equal(code, 1);
    const said = new Set(stderr.split('\n'));
    for (const [kind, sentence] of expected)
      await t.test(kind, () => assert.ok(said.has(sentence), `not said: ${sentence}\n${stderr}`));
  });

  test('stand again when all is taken back', async () => {
    const { code, stderr } = await check();
    assert.equal(code, 0, stderr);
  });
});
