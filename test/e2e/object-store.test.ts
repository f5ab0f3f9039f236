/**
 * A secret key that signs, held by nobody but the sealed executor: between separate processes, with the AWS SDK, unmodified, on
 * top, and an object store that computes each signature again by AWS's own signer.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createCa } from '../support/ca.ts';
import { startObjectStore, type ObjectStore } from '../support/object-store.ts';
import { makeTempDir } from '../support/process.ts';
import type { Kept } from '../world/objects.ts';
import { startWorld, type World } from '../world/world.ts';

const BUCKET = 'backups';

describe('an object store with checked signatures', { timeout: 180_000 }, () => {
  const id = 'AKIDOFNOBODYELSE';
  const secret = randomBytes(30).toString('base64');
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let store: ObjectStore;
  let world: World;

  before(async () => {
    dir = await makeTempDir();
    const ca = await createCa();
    const root = join(dir.path, 'store.pem');
    await writeFile(root, ca.root);
    const key = { accessKeyId: id, secretAccessKey: secret, region: 'eu-west-1' };
    store = await startObjectStore({ leaf: await ca.issue(), dir: join(dir.path, 'objects'), bucket: BUCKET, ...key });
    const scheme = {
      ...{ scheme: 'aws_sigv4', access_key: '{id}', secret_key: '{secret}', region: 'eu-west-1', service: 's3' },
    };
    world = await startWorld({
      dir: join(dir.path, 'stack'),
      upstream: { ca: [root] },
      real: { token: JSON.stringify({ id, secret }), url: store.origin },
      connect: [
        ...['--inject', JSON.stringify(scheme), '--field', 'id', '--field', 'secret'],
        ...['GET', 'PUT', 'POST', 'DELETE'].flatMap((method) => ['--method', method]),
        ...['--path', `/${BUCKET}`, '--path', `/${BUCKET}/**`],
      ],
    });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const keep = async (): Promise<Kept> => {
    const client = await world.client();
    const kept = JSON.parse(await client.call('objects', { bucket: BUCKET })) as Kept;
    await client.stop();
    return kept;
  };

  test('[dispatch.bound] the AWS SDK puts, lists, gets and deletes objects, whole, streamed and in parts', async () => {
    const names = ['in parts', 'notes/a b.txt', 'streamed'];
    assert.deepEqual(await keep(), { listed: names, same: [true, true, true], left: [] });
    assert.ok(store.came.every(({ isTaken }) => isTaken));
    const payloadOf = (target: string) =>
      store.came.find(({ method, target: at }) => method === 'PUT' && at.startsWith(`/${BUCKET}/${target}`))?.payload;
    assert.equal(payloadOf('streamed'), 'UNSIGNED-PAYLOAD');
  });

  test('[dispatch.bound] a wrong secret is refused by the store, and the SDK hears that', async () => {
    const owner = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    const fields = ['--field', 'id', '--field', 'secret'];
    const wrong = JSON.stringify({ id, secret: randomBytes(30).toString('base64') });
    await world.stack.dauth(['connections', 'rotate', world.handle, ...owner, ...fields], wrong);
    const before = store.came.length;
    assert.deepEqual(await keep(), { refused: 'SignatureDoesNotMatch', status: 403 });
    assert.deepEqual(
      store.came.slice(before).map(({ isTaken }) => isTaken),
      [false],
    );
  });

  test('[audit.complete] the journal has the calls, and neither the secret nor a signature', async () => {
    // Checkpoints come at least once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { stdout } = await world.stack.tryDauth(['audit', 'export']);
    assert.ok(stdout.includes(`"path":"/${BUCKET}/streamed"`));
    for (const value of [secret, 'AWS4-HMAC']) assert.equal(stdout.includes(value), false);
  });
});
