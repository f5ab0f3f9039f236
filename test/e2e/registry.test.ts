/** A password of a registry of images that nobody but the sealed executor has: between separate processes, with a real registry. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createCa } from '../support/ca.ts';
import { makeTempDir } from '../support/process.ts';
import { PUSHER, startRegistry, whyNoRegistry, type Registry } from '../support/registry.ts';
import type { Pushed } from '../world/images.ts';
import { startWorld, type World } from '../world/world.ts';

describe('a registry of images', { skip: whyNoRegistry(), timeout: 180_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let registry: Registry;
  let world: World;

  before(async () => {
    dir = await makeTempDir();
    const ca = await createCa();
    const root = join(dir.path, 'registry.pem');
    await writeFile(root, ca.root);
    registry = await startRegistry(await ca.issue());
    world = await startWorld({
      dir: join(dir.path, 'stack'),
      upstream: { ca: [root] },
      real: { token: PUSHER.password, url: registry.origin },
      connect: [
        ...['--inject', `basic:USER=${PUSHER.user},PASS={token}`, '--path', '/v2/team/app/**'],
        ...['GET', 'POST', 'PATCH', 'PUT'].flatMap((method) => ['--method', method]),
      ],
    });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const push = async (name: string): Promise<Pushed> => {
    const client = await world.client();
    const pushed = JSON.parse(await client.call('image', { name })) as Pushed;
    await client.stop();
    return pushed;
  };

  test('[dispatch.bound] an image is pushed and pulled, and nothing at another path', async () => {
    const type = 'application/vnd.oci.image.manifest.v1+json';
    assert.deepEqual(await push('team/app'), { tags: ['latest'], same: true, type });
    await assert.rejects(push('team/other'), /POLICY_DENIED|does not allow/);
  });

  test('[dispatch.bound] a wrong password is refused by the registry, and the tool hears that', async () => {
    const owner = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    await world.stack.dauth(['connections', 'rotate', world.handle, ...owner], `${PUSHER.password}-not`);
    assert.deepEqual(await push('team/app'), { refused: 401 });
  });
});
