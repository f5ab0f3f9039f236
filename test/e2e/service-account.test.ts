/**
 * The key of a Google service account, exchanged by the sealed executor for a token (RFC 7523): between separate processes, with
 * Google's own SDK for Drive, unmodified, on top, and a stand-in for Google that checks each assertion and takes no token but its own.
 */
import assert from 'node:assert/strict';
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyExportOptions,
  type KeyPairSyncResult,
} from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { auth } from '@googleapis/drive';
import { Agent, fetch as fetchBy } from 'undici';
import { createCa } from '../support/ca.ts';
import { AUDIENCE, SCOPE, startDrive, type Drive } from '../support/drive.ts';
import { findSecret } from '../support/encodings.ts';
import { makeTempDir } from '../support/process.ts';
import type { Filed } from '../world/files.ts';
import { startWorld, type World } from '../world/world.ts';

const EMAIL = 'reports@acme-42.iam.gserviceaccount.com';
const KID = '2f0c7e0d5f3b4e61a2b8c4d9e0f1a3b5c7d9e1f3';

/** As it stands in the file that Google gives out. */
function makeKey(): KeyPairSyncResult<string, string> {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { format: 'pem', type: 'spki' },
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
  });
}

describe('a service account of Google', { timeout: 180_000 }, () => {
  const key = makeKey();
  const other = makeKey();
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let ca: Awaited<ReturnType<typeof createCa>>;
  let google: Drive;
  let world: World;

  before(async () => {
    dir = await makeTempDir();
    ca = await createCa();
    const root = join(dir.path, 'google.pem');
    await writeFile(root, ca.root);
    google = await startDrive(await ca.issue(), { email: EMAIL, kid: KID, publicKey: createPublicKey(key.publicKey) });
    const scheme = {
      ...{ scheme: 'jwt_bearer', endpoint: google.endpoint, aud: AUDIENCE, scope: SCOPE },
      ...{ alg: 'RS256', kid: KID, private_key: '{token}', iss: EMAIL },
    };
    world = await startWorld({
      dir: join(dir.path, 'stack'),
      upstream: { ca: [root] },
      real: { token: key.privateKey, url: google.origin },
      connect: [
        ...['--inject', JSON.stringify(scheme)],
        ...['GET', 'POST', 'DELETE'].flatMap((method) => ['--method', method]),
        ...['/drive/v3/about', '/drive/v3/files', '/drive/v3/files/*', '/upload/drive/v3/files'].flatMap((path) => [
          '--path',
          path,
        ]),
      ],
    });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await google?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const file = async (): Promise<Filed> => {
    const client = await world.client();
    const filed = JSON.parse(await client.call('files')) as Filed;
    await client.stop();
    return filed;
  };

  test("control: Google's own auth gets a token of the stand-in by that key, and none by another", async () => {
    const dispatcher = new Agent({ connect: { ca: ca.root } });
    const there = ((url: string | URL, { method, headers, body }: RequestInit) => {
      assert.equal(String(url), AUDIENCE);
      return fetchBy(google.endpoint, { method, headers, body, dispatcher } as Parameters<typeof fetchBy>[1]);
    }) as unknown as typeof fetch;
    const ask = (privateKey: string) =>
      new auth.JWT({
        ...{ email: EMAIL, key: privateKey, scopes: [SCOPE] },
        transporterOptions: { fetchImplementation: there, retry: false },
      }).getAccessToken();
    assert.deepEqual([(await ask(key.privateKey)).token], google.given);
    await assert.rejects(ask(other.privateKey), /invalid_grant/);
    await dispatcher.close();
    assert.deepEqual(google.asked.splice(0), [200, 400]);
    google.given.length = 0;
  });

  test("[dispatch.bound] Google's SDK creates, lists, gets and deletes files by one token, which the executor asked for", async () => {
    const names = ['a b.txt', 'streamed'];
    assert.deepEqual(await file(), { account: EMAIL, listed: names, same: [true, true], left: [] });
    assert.deepEqual([google.asked, google.given.length], [[200], 1]);
    assert.deepEqual(new Set(google.came), new Set([200, 204]));
  });

  test('[server.blind] neither key nor token is in anything that the server holds or was answered', async () => {
    const client = await world.client();
    const echoed = await client.call('call', { method: 'GET', url: '/drive/v3/about?fields=user' });
    await client.call('loot');
    await client.stop();
    const [token = ''] = google.given;
    assert.ok(echoed.includes('*'.repeat(token.length)));
    const loot = await world.server.line((line) => line.startsWith('{"event":"loot"'), 60_000);
    assert.ok(loot.includes(world.handle), 'control: the dump holds what the server does know');
    for (const secret of [token, ...key.privateKey.split('\n').slice(2, -3)])
      assert.deepEqual(findSecret(loot, Buffer.from(secret)), []);
  });

  test('[audit.complete] the journal names the token endpoint, and neither key nor token', async () => {
    // Checkpoints come at least once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { stdout } = await world.stack.tryDauth(['audit', 'export']);
    assert.ok(stdout.includes(`"token_endpoint":"${google.endpoint}"`));
    for (const value of [key.privateKey.split('\n')[8]!, google.given[0]!]) assert.equal(stdout.includes(value), false);
  });

  test('[seal.client-only] a key with a password is refused on the device, with what to do, and what was sealed stays', async () => {
    const owner = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    const locked = createPrivateKey(key.privateKey).export({
      ...{ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' },
    } as KeyExportOptions<'pem'>);
    const rotate = ['connections', 'rotate', world.handle, ...owner];
    const { code, stdout, stderr } = await world.stack.tryDauth(rotate, locked as string);
    assert.equal(code, 2, stderr);
    assert.match(`${stdout}${stderr}`, /has a password, .*openssl pkcs8 -topk8 -nocrypt/);
    const { ver } = await world.stack.dauth<{ ver: number }>(['connections', 'get', world.handle, ...owner]);
    assert.equal(ver, 1);
  });

  test('[dispatch.bound] a key that is not the one of the account is refused, the SDK hears that, and nothing is sent to Drive', async () => {
    const owner = ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    await world.stack.dauth(['connections', 'rotate', world.handle, ...owner], other.privateKey);
    const came = google.came.length;
    assert.deepEqual(await file(), { refused: 'DOWNSTREAM_AUTH_FAILURE' });
    assert.deepEqual([google.asked.at(-1), google.came.length - came], [400, 0]);
  });
});
