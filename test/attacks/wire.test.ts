/** The whole way of a credential from its owner to the authority's disk, recorded: every wire, every file, every log. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { proves } from '../claims.ts';
import { findSecret } from '../support/encodings.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startRecorder, type Recorder } from '../support/recorder.ts';
import { startStack, type Stack } from '../world/stack.ts';

describe('between the owner and the disk', { timeout: 120_000 }, () => {
  const secret = Buffer.from(`sk_live_${randomBytes(24).toString('hex')}`);
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let recorder: Recorder;
  let stack: Stack;
  let handle: string;
  before(async () => {
    dir = await makeTempDir();
    const port = await freePort();
    recorder = await startRecorder({ target: { host: '127.0.0.1', port } });
    // The authority's own name is the recorder's address: everybody who talks to it is recorded.
    const authority = { issuer: `http://127.0.0.1:${recorder.port}` };
    stack = await startStack({ dir: dir.path, port, authority });
    const server = 'http://127.0.0.1:1/mcp';
    await stack.dauth(['servers', 'add', '--resource', server, '--generate', join(dir.path, 'server.jwk')]);
    const connect = ['connect', 'recorded', '--origin', 'https://api.example', '--server', server];
    ({ handle } = await stack.dauth<{ handle: string }>(connect, secret));
  });
  after(async () => {
    await stack?.stop();
    await recorder?.close();
    await dir?.[Symbol.asyncDispose]();
  });

  proves('seal.client-only', 'between the owner and the authority travels no credential', () => {
    const all = recorder.all();
    assert.ok(all.includes('"envelope"') && all.includes(handle), 'control: the recorder saw the connection stored');
    assert.deepEqual(findSecret(all, secret), []);
  });

  proves('authority.blind', 'no file and no log of the stack holds the credential in any encoding', async () => {
    const entries = await readdir(stack.ready.data, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => readFile(join(entry.parentPath, entry.name)));
    const all = Buffer.concat(await Promise.all(files));
    assert.ok(all.includes(handle), 'control: the files do hold the handle');
    assert.deepEqual(findSecret(all, secret), []);
    assert.deepEqual(findSecret(stack.process.stderr() + stack.process.stdout(), secret), []);
  });
});
