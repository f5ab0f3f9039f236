/** Plants each kind of violation into a copy of the packages and expects the walls to name it. */
import assert from 'node:assert/strict';
import { appendFile, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeTempDir, run } from '../support/process.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** What is planted, where, and what the walls must say. */
const PLANTED: readonly (readonly [kind: string, file: string, text: string, says: RegExp])[] = [
  ['a neighbour that is none', 'mcp/src/handle.ts', `import '@dauth/client';`, /mcp may not import @dauth\/client/],
  ['a room nobody imports', 'cli/src/start.ts', `import '@dauth/executor';`, /cli may not import @dauth\/executor/],
  [
    'a reach into another package',
    'mcp/src/key.ts',
    `import '@dauth/verify/dist/jws.js';`,
    /reaches into another package/,
  ],
  ['a relative way out', 'mcp/src/key.ts', `import '../../verify/src/jws.ts';`, /relative import leaves the package/],
  ['an outside package', 'executor/src/server.ts', `import 'hono';`, /executor may not import hono/],
  [
    'a power the room lacks',
    'protocol/src/json.ts',
    `import 'node:fs';`,
    /protocol does not hold the capability files/,
  ],
  ['a clock in the shared words', 'protocol/src/json.ts', `export const t = Date.now();`, /capability clock/],
  ['a clock by another name', 'verify/src/key.ts', `export const t = new Date();`, /capability clock/],
  ['the network in the verifier', 'verify/src/key.ts', `export const f = () => fetch('x');`, /capability fetch/],
  [
    'sealing outside its window',
    'client/src/key.ts',
    `import 'hpke';`,
    /hpke may be used only in client\/src\/seal\.ts/,
  ],
  [
    'opening outside its window',
    'executor/src/status.ts',
    `import { openEnvelope } from './open.ts'; void openEnvelope;`,
    /\.\/open\.ts#openEnvelope may be used only in executor\/src\/run\.ts/,
  ],
  ['a process outside its window', 'executor/src/dial.ts', `import 'node:child_process';`, /may be used only in/],
  ['a raw socket outside its window', 'executor/src/seen.ts', `import 'node:tls';`, /node:tls may be used only in/],
  ['code from strings', 'mcp/src/key.ts', `eval('1');`, /eval is forbidden everywhere/],
  ['a computed import', 'mcp/src/key.ts', `export const m = (n: string) => import(n);`, /computed at run time/],
  ['a circle', 'mcp/src/key.ts', `import './config.ts';`, /in a circle: .*key\.ts/],
  ['a power nobody named', 'executor/src/seen.ts', `import 'node:inspector';`, /a power that no capability names/],
];

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

  const planted = async (file: string, change: (path: string) => Promise<unknown>, says: RegExp): Promise<void> => {
    const path = join(dir.path, 'packages', file);
    await mkdir(dirname(path), { recursive: true });
    const kept = await readFile(path);
    try {
      await change(path);
      const { code, stderr } = await check();
      assert.equal(code, 1);
      assert.match(stderr, says);
      assert.ok(stderr.includes(`packages/${file}:`), 'the line names the file');
    } finally {
      await writeFile(path, kept);
    }
  };

  test('stand in this tree', async () => {
    const { code, stderr } = await check();
    assert.equal(code, 0, stderr);
  });

  for (const [kind, file, text, says] of PLANTED) {
    test(`fall for ${kind}`, () => planted(file, (path) => appendFile(path, `\n${text}\n`), says));
  }

  const edited = (file: string, from: string, to: string, says: RegExp) =>
    planted(file, async (path) => writeFile(path, (await readFile(path, 'utf8')).replace(from, to)), says);

  test('fall for a dependency that is not allowed', () =>
    edited('executor/package.json', '"undici"', '"got"', /executor may not depend on got/));
  test('fall for a dependency that is not pinned', () =>
    edited('executor/package.json', '"undici": "', '"undici": "^', /undici is not pinned to an exact version/));
  test('fall for a dependency that nobody imports', () =>
    edited(
      'mcp/package.json',
      '"dependencies": {',
      '"dependencies": { "@dauth/protocol2": "0.1.0",',
      /mcp may not depend on/,
    ));
  test('fall for a project reference that is no neighbour', () =>
    edited('mcp/tsconfig.json', '../verify', '../client', /its references are not its neighbours/));
});
