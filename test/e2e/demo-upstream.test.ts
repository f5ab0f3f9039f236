/** The demo against an API of one's own: the calls go there, and every attack is still played. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createCa } from '../support/ca.ts';
import { findSecret } from '../support/encodings.ts';
import { makeTempDir, run } from '../support/process.ts';
import { startUpstream } from '../support/upstream.ts';

const DEMO = fileURLToPath(new URL('../demo/main.js', import.meta.url));
const demo = (args: readonly string[], env: Record<string, string> = {}) =>
  run({ file: process.execPath, args: [DEMO, ...args], env, timeoutMs: 170_000 });

describe('npm run demo -- --upstream', { timeout: 180_000 }, () => {
  test('calls a second server with its own CA, and plays the hostile upstream locally', async () => {
    await using dir = await makeTempDir();
    const token = `ghp_${randomBytes(18).toString('hex')}`;
    const ca = await createCa();
    const caFile = join(dir.path, 'other-ca.pem');
    await writeFile(caFile, ca.root);
    await using upstream = await startUpstream({ leaf: await ca.issue(), tokens: { github: token } });
    const args = ['--upstream', upstream.origin, '--upstream-ca', caFile];
    const ended = await demo(args, { DAUTH_DEMO_TOKEN: token });
    assert.equal(ended.code, 0, `${ended.stdout}\n${ended.stderr}`);
    assert.match(ended.stdout, /says who the token belongs to \(octocat\)/);
    assert.match(ended.stdout, /ok {3}an upstream that echoes the credential in 11 ways gives nothing away/);
    assert.match(ended.stdout, /, 0 failed/);
    assert.deepEqual(findSecret(ended.stdout + ended.stderr, Buffer.from(token)), []);
    const { requests } = await upstream.wire();
    assert.ok(requests.some(({ rawHeaders }) => rawHeaders.includes(`Bearer ${token}`)));
    // What is somebody's own API is only read.
    assert.deepEqual([...new Set(requests.map(({ method }) => method))], ['GET']);
  });

  for (const [what, args, sentence] of [
    ['a plain http address', ['--upstream', 'http://localhost:1'], /takes an https address/],
    ['an address without a token', ['--upstream', 'https://localhost:1'], /token for --upstream is missing/],
    [
      'a CA file that is not there',
      ['--upstream', 'https://localhost:1', '--upstream-ca', '/nowhere.pem'],
      /cannot be read/,
    ],
    ['an unknown option', ['--upstraem', 'x'], /Unknown option/],
  ] as const) {
    test(`${what} ends with one sentence`, async () => {
      const { code, stderr } = await demo(args);
      assert.equal(code, 1);
      assert.match(stderr, sentence);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
    });
  }
});
