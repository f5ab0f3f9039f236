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
import { executorData, readOpeningKey } from '../world/opening-key.ts';
import { startStack, type Stack } from '../world/stack.ts';

interface Stored {
  readonly path: string;
  readonly bytes: Buffer;
}

async function readEach(directory: string): Promise<readonly Stored[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(paths.map(async (path) => ({ path, bytes: await readFile(path) })));
}

const joined = (files: readonly Stored[]): Buffer => Buffer.concat(files.map(({ bytes }) => bytes));

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
    const all = joined(await readEach(stack.ready.data));
    assert.ok(all.includes(handle), 'control: the files do hold the handle');
    assert.deepEqual(findSecret(all, secret), []);
    assert.deepEqual(findSecret(stack.process.stderr() + stack.process.stdout(), secret), []);
  });

  proves(
    'authority.blind',
    'the key that opens is in the files of the executor, in no other file and in no log',
    async () => {
      const key = await readOpeningKey(stack);
      const own = executorData(stack);
      const files = await readEach(stack.ready.data);
      const isOwn = (path: string) => path.startsWith(join(own, '/'));
      const [inside, outside] = [files.filter(({ path }) => isOwn(path)), files.filter(({ path }) => !isOwn(path))];
      assert.notDeepEqual(findSecret(joined(inside), key), [], 'control: the executor keeps its key in a file');
      assert.ok(joined(outside).includes(handle), 'control: the database is among the others');
      for (const { path, bytes } of outside) assert.deepEqual(findSecret(bytes, key), [], path);
      assert.deepEqual(findSecret(stack.process.stderr() + stack.process.stdout(), key), []);
    },
  );
});
