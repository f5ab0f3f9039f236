/**
 * A rotation of the signing keys under load: client, MCP server, executor and authority are processes that never stop, and
 * no call of theirs fails. The new key is published for the shortest time a configuration may say, so that this can wait.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createClient, importKey, type Token } from '@dauth/client';
import { makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

describe('signing keys of a running stack', { timeout: 180_000 }, () => {
  let world: World;
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  before(async () => {
    dir = await makeTempDir();
    world = await startWorld({ dir: dir.path, authority: { keys: { publishAhead: 15, rotateAfter: 0 } } });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const published = async (): Promise<string[]> => {
    const answer = await fetch(`${world.stack.ready.authority}/.well-known/jwks.json`);
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=15');
    return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  };
  const kidOf = ({ accessToken }: Token): string =>
    (JSON.parse(Buffer.from(accessToken.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid;

  test('a rotation is seen by nobody: every call before, while and after it is answered', async () => {
    const key = await importKey(world.clientKey);
    /** A client that asks for each token anew. */
    const fresh = (): Promise<Token> =>
      createClient({ issuer: world.stack.ready.authority, clientId: world.clientId, key }).token({
        resource: world.resource,
        scope: ['mcp:use'],
        connections: [world.handle],
      });
    // One that has its token from before the rotation, and goes on with it.
    const client = await world.client();
    assert.equal(await client.call('my_login'), world.upstream.login);
    const [old] = await published();
    assert.equal(kidOf(await fresh()), old);

    const { kid, signs_from } = await world.stack.dauth<{ kid: string; signs_from: number }>(['keys', 'rotate']);
    assert.deepEqual(await published(), [old, kid]);
    assert.deepEqual(await world.stack.dauth(['keys', 'rotate']), { kid, signs_from });

    // Calls all the while: each needs a token exchange, a dispatch and a fresh view of revocations at the executor.
    let calls = 0;
    let after = 0;
    for (let signer = old; after < 10; calls++) {
      assert.equal(await client.call('my_login'), world.upstream.login);
      signer = kidOf(await fresh());
      if (signer === kid) after++;
      else assert.equal(signer, old);
    }
    assert.ok(calls > after);
    assert.ok(Date.now() >= signs_from * 1_000);
    // What the old key signed is taken until it ends, so the key is still there to verify it.
    assert.deepEqual(await published(), [old, kid]);
    const late = await world.client();
    assert.equal(await late.call('my_login'), world.upstream.login);
  });
});
