/**
 * The key of a GitHub App, exchanged by the sealed executor for a token of an installation: between separate processes, with
 * Octokit unchanged on top, and an emulated GitHub that checks the signature and takes no token but those it gave.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createCa } from '../support/ca.ts';
import { makeTempDir } from '../support/process.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';
import { startWorld, type World } from '../world/world.ts';

const APP = { id: 12_345, installation: 42 };
const PATH = `/app/installations/${APP.installation}/access_tokens`;

/** As GitHub gives it out. */
function makeKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'pem', type: 'pkcs1' },
  });
  return privateKey;
}

describe('a GitHub App', { timeout: 180_000 }, () => {
  const key = makeKey();
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let upstream: Upstream;
  let world: World;

  before(async () => {
    dir = await makeTempDir();
    const ca = await createCa();
    const root = join(dir.path, 'github.pem');
    await writeFile(root, ca.root);
    upstream = await startUpstream({ leaf: await ca.issue(), tokens: {}, app: { ...APP, privateKey: key } });
    const scheme = {
      ...{ scheme: 'github_app', endpoint: `${upstream.origin}${PATH}`, private_key: '{token}', iss: String(APP.id) },
      ...{ repositories: ['hello-world'], permissions: { metadata: 'read', issues: 'write' } },
    };
    world = await startWorld({
      dir: join(dir.path, 'stack'),
      upstream: { ca: [root] },
      real: { token: key, url: upstream.origin },
      connect: [
        ...['--inject', JSON.stringify(scheme), '--method', 'GET', '--method', 'POST'],
        ...['--path', '/repos/**', '--path', '/echo'],
      ],
    });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await upstream?.stop();
    await dir?.[Symbol.asyncDispose]();
  });

  const asked = async () => (await upstream.wire()).requests.filter(({ target }) => target === PATH);
  const wire = async () => Buffer.concat((await upstream.wire()).connections.map(({ raw }) => raw)).toString('latin1');
  const issuedTokens = async () => new Set((await wire()).match(/(?<=Bearer )ghs_[\w-]+/g));

  test('[response.clean] Octokit works as the App, by one token of its installation, which never comes back', async () => {
    const client = await world.client();
    for (const title of ['Sealed', 'Delivered'])
      assert.equal(await client.call('report', { owner: 'octocat', repo: 'hello-world', title }), 'reporter[bot]');
    const echoed = await client.call('call', { method: 'GET', url: '/echo?as=json' });
    await client.stop();
    const [token, ...others] = await issuedTokens();
    assert.deepEqual([(await asked()).length, others.length], [1, 0]);
    assert.equal(echoed.includes(token!), false);
    assert.ok(echoed.includes('*'.repeat(token!.length)));
  });

  test('[dispatch.bound] GitHub is asked with a JWT, for what was sealed, and never with the key', async () => {
    const [request] = await asked();
    const header = (name: string) => request!.rawHeaders[request!.rawHeaders.indexOf(name) + 1]!;
    assert.match(header('authorization'), /^Bearer ey/);
    assert.equal(header('user-agent'), 'dauth');
    const raw = await wire();
    assert.ok(raw.includes('{"repositories":["hello-world"],"permissions":{"metadata":"read","issues":"write"}}'));
    assert.equal(raw.includes(key.split('\n')[8]!), false);
  });

  test('[audit.complete] the journal names the endpoint, and neither key nor token', async () => {
    // Checkpoints come at least once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { stdout } = await world.stack.tryDauth(['audit', 'export']);
    assert.ok(stdout.includes(`"token_endpoint":"${upstream.origin}${PATH}"`));
    for (const value of [key.split('\n')[8]!, ...(await issuedTokens())]) assert.equal(stdout.includes(value), false);
  });

  test('[dispatch.bound] a key that is not the one of the App is refused, and nothing else is sent', async () => {
    const owner = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    await world.stack.dauth(['connections', 'rotate', world.handle, ...owner], makeKey());
    const before = (await upstream.wire()).requests.length;
    const client = await world.client();
    const refused = await client.call('call', { method: 'GET', url: '/repos/octocat/hello-world' });
    await client.stop();
    assert.match(refused, /DOWNSTREAM_AUTH_FAILURE/);
    const since = (await upstream.wire()).requests.slice(before);
    assert.deepEqual(
      since.map(({ method, target }) => `${method} ${target}`),
      [`POST ${PATH}`],
    );
  });
});
