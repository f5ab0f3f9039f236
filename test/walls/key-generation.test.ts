/**
 * Node 20 may lock itself up for good while it writes a key it generated as a JWK: it holds the key's lock, and so does the
 * collector that frees the generator. So keys leave `generateKeyPairSync` as octets, in the product and in what its tests share.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../../', import.meta.url);

/** One key in a whole process of tests meets no collector. */
const ONE_KEY = ['packages/mcp/src/config.test.ts', 'test/spec/spec.test.ts', 'test/e2e/readme.test.ts'];

test('no key is handed out by its generator', () => {
  const files = ['packages', 'test', 'tools', 'examples'].flatMap((dir) =>
    readdirSync(new URL(dir, root), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.m?[jt]s$/.test(name) && !/(?:^|\/)(?:dist|node_modules)\//.test(name))
      .map((name) => `${dir}/${name}`),
  );
  assert.ok(files.length > 200, 'the sources are where this test looks');
  const calls = (file: string): string[] =>
    [...readFileSync(new URL(file, root), 'utf8').matchAll(/\bgenerateKeyPairSync\('[^;]*;/g)].map(([call]) => call);
  const handing = files.filter((file) => calls(file).some((call) => !call.includes('privateKeyEncoding')));
  assert.deepEqual(handing.toSorted(), ONE_KEY.toSorted());
});
