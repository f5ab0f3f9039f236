/**
 * A real registry of images for tests (the program `docker-registry` of Debian), on this machine, under the name `localhost`: TLS,
 * and nobody without the one user's password. Knows nothing of DAuth. Where there is none it says so; nothing stands in for it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Leaf } from './ca.ts';
import { findProgram, startDaemon } from './daemon.ts';
import { freePort } from './process.ts';

/** Why the tests that need it skip, also in CI: not every machine can install it. */
export function whyNoRegistry(): string | false {
  return findProgram('docker-registry') === undefined ? 'NOT CHECKED: docker-registry is not installed' : false;
}

/** The one that is let in. The registry takes passwords as bcrypt only, which Node does not make: this hash is of this password. */
export const PUSHER = {
  user: 'pusher',
  password: 'registry-password-of-the-test-4711',
  hash: '$2y$05$abcdefghijklmnopqrstuud9XmZ/QxoFq5IIcywQIDdU7RZbvlQj.',
};

export interface Registry extends AsyncDisposable {
  readonly origin: string;
}

export async function startRegistry(leaf: Leaf): Promise<Registry> {
  const directory = await mkdtemp('/tmp/dauth-registry-');
  const at = (name: string): string => join(directory, name);
  const port = await freePort();
  const origin = `https://localhost:${port}`;
  const tls = { certificate: at('server.pem'), key: at('server.key') };
  // YAML, of which JSON is a part.
  const configuration = {
    ...{ version: 0.1, log: { accesslog: { disabled: true }, level: 'error' } },
    storage: { filesystem: { rootdirectory: at('images') } },
    http: { addr: `127.0.0.1:${port}`, host: origin, secret: 'only for this run', tls },
    auth: { htpasswd: { realm: 'images', path: at('users') } },
  };
  await Promise.all([
    writeFile(tls.certificate, leaf.cert),
    writeFile(tls.key, leaf.key, { mode: 0o600 }),
    writeFile(at('users'), `${PUSHER.user}:${PUSHER.hash}\n`),
    writeFile(at('config.yml'), JSON.stringify(configuration)),
  ]);
  const daemon = await startDaemon(findProgram('docker-registry')!, ['serve', at('config.yml')], port);
  return {
    origin,
    [Symbol.asyncDispose]: async () => {
      await daemon[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
