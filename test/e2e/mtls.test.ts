/**
 * A client certificate that nobody but the sealed executor has the key of: between separate processes, in front of a real nginx
 * (`ssl_verify_client on`) where there is one, and of a server of Node's everywhere.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createCa, type Leaf, type TestCa } from '../support/ca.ts';
import { startCertifiedFront } from '../support/certified-front.ts';
import { startNginx, whyNoNginx, type CertifiedFront } from '../support/nginx.ts';
import { makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

const SCHEME = { scheme: 'mtls', certificate: '{certificate}', private_key: '{private_key}' };
const FIELDS = ['certificate', 'private_key', 'token'].flatMap((field) => ['--field', field]);
const INJECT = ['--inject', JSON.stringify(SCHEME), '--inject', 'header:authorization=Bearer {token}'];

interface Front {
  readonly name: string;
  readonly skip: string | false;
  readonly start: (leaf: Leaf, clients: string) => Promise<CertifiedFront>;
  /** What a caller hears of a certificate that it does not take. */
  readonly refuses: RegExp;
}

const FRONTS: readonly Front[] = [
  { name: 'nginx', skip: whyNoNginx(), start: startNginx, refuses: /400|SSL certificate error/ },
  { name: "a server of Node's", skip: false, start: startCertifiedFront, refuses: /DOWNSTREAM_/ },
];

/** Some APIs want both: who calls over TLS, and for whom in a header. */
const TOKEN = randomBytes(18).toString('hex');
const sealedText = ({ cert, key }: Leaf): string =>
  JSON.stringify({ certificate: cert, private_key: key, token: TOKEN });

for (const { name, skip, start, refuses } of FRONTS) {
  describe(`a client certificate for ${name}`, { skip, timeout: 240_000 }, () => {
    let dir: Awaited<ReturnType<typeof makeTempDir>>;
    let clients: TestCa;
    let ada: Leaf;
    let front: CertifiedFront;
    let world: World;

    before(async () => {
      dir = await makeTempDir();
      const servers = await createCa();
      clients = await createCa();
      ada = await clients.issueClient('ada');
      const root = join(dir.path, 'servers.pem');
      await writeFile(root, servers.root);
      front = await start(await servers.issue(), clients.root);
      world = await startWorld({
        dir: join(dir.path, 'stack'),
        upstream: { ca: [root] },
        real: { token: sealedText(ada), url: front.origin },
        connect: [...INJECT, ...FIELDS],
      });
    });
    after(async () => {
      await world?.[Symbol.asyncDispose]();
      await front?.[Symbol.asyncDispose]();
      await dir?.[Symbol.asyncDispose]();
    });

    const by = () => ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];
    const ask = async (): Promise<string> => {
      const client = await world.client();
      try {
        return await client.call('call', { method: 'GET', url: '/who' });
      } finally {
        await client.stop();
      }
    };
    const rotate = (leaf: Leaf) =>
      world.stack.dauth(['connections', 'rotate', world.handle, ...by(), ...FIELDS], sealedText(leaf));

    test('[server.blind] a tool is taken for whoever the certificate names, without having its key', async () => {
      const said = await ask();
      assert.match(said, /CN=ada SUCCESS/);
      assert.ok(
        said.includes(`Bearer ${'*'.repeat(TOKEN.length)}`),
        'the token in the header beside it arrived, and did not come back',
      );
    });

    test('[audit.complete] the journal has the call, and nothing of the key', async () => {
      // Checkpoints come at least once a second.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const { stdout } = await world.stack.tryDauth(['audit', 'export']);
      assert.ok(stdout.includes(`"origin":"${front.origin}"`));
      for (const line of ada.key.split('\n').slice(1, -2)) assert.equal(stdout.includes(line), false);
    });

    test('[dispatch.bound] a certificate of another authority is refused, and so is a key that is not its own', async () => {
      const stranger = await (await createCa()).issueClient('ada');
      await rotate(stranger);
      assert.match(await ask(), refuses);
      await rotate({ cert: ada.cert, key: stranger.key });
      assert.match(await ask(), /POLICY_DENIED[\s\S]*not the one of its client certificate/);
      await rotate(ada);
      assert.match(await ask(), /CN=ada SUCCESS/);
    });

    test('[seal.client-only] a key with a password, or a file that is no certificate, is named before anything is sealed', async () => {
      const where = ['--origin', front.origin, '--server', world.resource, ...by(), ...FIELDS];
      const args = ['connect', 'wrong', ...where, ...INJECT];
      const locked = ada.key.replaceAll('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY');
      const one = await world.stack.tryDauth(args, sealedText({ cert: ada.cert, key: locked }));
      assert.match(one.stderr, /private_key\\" has a password/);
      const other = await world.stack.tryDauth(args, sealedText({ cert: ada.key, key: ada.key }));
      assert.match(other.stderr, /certificate\\" is a client certificate in PEM/);
    });
  });
}
