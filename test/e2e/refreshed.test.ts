/**
 * A refresh token in the sealed executor, between separate processes, with oidc-provider, unmodified: replaced at each use,
 * never lost by `kill -9` once it came, and the word to its owner where it was lost before.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeCa, type CaFiles } from '../support/ca.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { serveRotating, type Rotating } from '../support/rotating.ts';
import { startStack, type Stack } from '../world/stack.ts';
import { startWorld, type World } from '../world/world.ts';

const DEADLINE_MS = 60_000;

describe('a refresh token that is replaced at each use', { timeout: 300_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let files: CaFiles;
  let provider: Rotating;
  let world: World;
  /** What runs now: it is started anew in the same place. */
  let stack: Stack;
  const seen: string[] = [];

  before(async () => {
    dir = await makeTempDir();
    port = await freePort();
    files = await writeCa(join(dir.path, 'provider'));
    provider = await serveRotating(files);
    world = await startWorld({
      ...place(),
      real: { token: await fields(), url: provider.origin },
      connect: [...FIELDS, '--inject', scheme(), '--path', '/user'],
    });
    stack = world.stack;
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await stack?.stop();
    await provider?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const FIELDS = ['--field', 'refresh_token', '--field', 'secret'];
  let port: number;
  const place = () => ({ dir: join(dir.path, 'stack'), upstream: { ca: [files.root] }, port });
  const scheme = (): string =>
    JSON.stringify({
      ...{ scheme: 'oauth2', endpoint: `${provider.origin}/token`, client_id: provider.clientId },
      ...{ client_secret: '{secret}', refresh_token: '{refresh_token}' },
    });
  /** What an owner types: a grant of its own, under the client's secret. */
  const fields = async (secret = provider.secret): Promise<string> => {
    const token = await provider.grant();
    seen.push(token);
    return JSON.stringify({ refresh_token: token, secret });
  };
  const connection = () => stack.dauth<{ ver: number; status: string }>(['connections', 'get', world.handle]);
  /** As its owner, with the key that sealed it. */
  const rotate = async (input: string): Promise<unknown> => {
    const as = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    return stack.dauth(['connections', 'rotate', world.handle, ...FIELDS, ...as], input);
  };
  const call = async (): Promise<string> => {
    const client = await world.client();
    try {
      const said = JSON.parse(await client.call('call_path', { path: '/user' })) as { refused?: string; body: string };
      return said.refused ?? (JSON.parse(said.body) as { body: { login: string } }).body.login;
    } finally {
      await client.stop();
    }
  };
  const kill = async (): Promise<void> => {
    for (const pid of Object.values(stack.ready.pids)) process.kill(pid, 'SIGKILL');
    await stack.process.exited;
  };
  const restart = async (): Promise<void> => {
    stack = await startStack(place());
  };
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    for (const end = performance.now() + DEADLINE_MS; performance.now() < end; await sleep(20))
      if (await holds()) return;
    assert.fail(`It never came to this: ${what}.`);
  };

  test('[crash.safe] each call is answered, each with the refresh token that the one before it brought', async () => {
    for (let calls = 0; calls < 3; calls++) assert.equal(await call(), 'ada may read');
    assert.deepEqual(provider.answered, [200, 200, 200]);
    assert.equal(new Set(provider.shown).size, 3);
    assert.deepEqual(await connection().then(({ ver, status }) => [ver, status]), [4, 'active']);
  });

  test('[crash.safe] killed when it had the answer and the authority had not, it goes on with what came', async () => {
    const { authority, executor } = stack.ready.pids;
    const reseals = join(stack.ready.data, 'executor', 'reseals');
    const onDisk = async (): Promise<boolean> => {
      const [name] = await readdir(reseals);
      return name !== undefined && (await readFile(join(reseals, name))).includes('\n');
    };
    // The authority stands still from the answer on: what came cannot be stored there.
    provider.hold = async () => void process.kill(authority, 'SIGSTOP');
    const lost = call().catch((error: unknown) => error);
    await until('the next version is on disk', onDisk);
    process.kill(executor, 'SIGKILL');
    process.kill(authority, 'SIGCONT');
    provider.hold = async () => undefined;
    await kill();
    await lost;
    await restart();
    // A call that meets the storing waits for it.
    assert.equal(await call(), 'ada may read');
    assert.deepEqual(await readdir(reseals), []);
    assert.deepEqual([await connection().then(({ ver }) => ver), provider.answered.at(-1)], [6, 200]);
  });

  test('[crash.safe] killed before the answer came, it says that its owner is needed, who can go on', async () => {
    const before = provider.answered.length;
    provider.hold = () => new Promise(() => undefined);
    const lost = call().catch((error: unknown) => error);
    await until('the provider has replaced the token', async () => provider.answered.length > before);
    await kill();
    provider.hold = async () => undefined;
    await lost;
    await restart();
    assert.equal(await call(), 'NEEDS_REAUTHORIZATION');
    assert.equal(provider.answered.at(-1), 400);
    assert.equal((await connection()).status, 'needs_reauthorization');
    const asked = provider.answered.length;
    await assert.rejects(call(), /FORBIDDEN/, 'no token is given for it any more');
    assert.equal(provider.answered.length, asked);
    await rotate(await fields());
    assert.equal(await call(), 'ada may read');
  });

  test('[dispatch.bound] with a wrong client secret nothing is called, and the grant goes on', async () => {
    const right = await fields();
    const { refresh_token } = JSON.parse(right) as { refresh_token: string };
    await rotate(JSON.stringify({ refresh_token, secret: 'another secret altogether' }));
    const calls = provider.shown.length;
    assert.equal(await call(), 'DOWNSTREAM_AUTH_FAILURE');
    assert.deepEqual([provider.shown.length, provider.answered.at(-1)], [calls, 401]);
    assert.equal((await connection()).status, 'active');
    await rotate(right);
    assert.equal(await call(), 'ada may read');
  });

  test('[audit.complete] the journal names the endpoint and each version, and no token', async () => {
    await sleep(1_500);
    const { stdout } = await stack.tryDauth(['audit', 'export']);
    assert.ok(stdout.includes(`"token_endpoint":"${provider.origin}/token"`));
    assert.ok(stdout.includes('"kind":"reseal"'));
    for (const value of [provider.secret, ...seen, ...provider.shown]) assert.equal(stdout.includes(value), false);
  });
});
