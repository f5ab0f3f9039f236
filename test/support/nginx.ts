/**
 * A real nginx for tests, on this machine, under the name `localhost`: it takes only clients with a certificate of one authority,
 * and answers with whom it takes them for. Knows nothing of DAuth. Where there is none it says so; nothing stands in for it.
 */
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Leaf } from './ca.ts';
import { findProgram, startDaemon } from './daemon.ts';
import { freePort } from './process.ts';

/** Why the tests that need it skip, also in CI: not every machine can install it. */
export function whyNoNginx(): string | false {
  const program = findProgram('nginx');
  if (program === undefined) return 'NOT CHECKED: nginx is not installed';
  const probe = spawnSync(program, ['-V'], { encoding: 'utf8' });
  return probe.stderr?.includes('http_ssl_module') ? false : 'NOT CHECKED: the nginx that is installed has no TLS';
}

/** An upstream that takes clients by their certificates alone. */
export interface CertifiedFront extends AsyncDisposable {
  readonly origin: string;
}

/** @param clients PEM of the authority whose certificates it takes */
export async function startNginx(leaf: Leaf, clients: string): Promise<CertifiedFront> {
  const directory = await mkdtemp('/tmp/dauth-nginx-');
  const at = (name: string): string => join(directory, name);
  const port = await freePort();
  await Promise.all([
    writeFile(at('server.pem'), leaf.cert),
    writeFile(at('server.key'), leaf.key, { mode: 0o600 }),
    writeFile(at('clients.pem'), clients),
    writeFile(at('nginx.conf'), configuration(port)),
  ]);
  // Whoever is root has its workers run as somebody else.
  await chmod(directory, 0o755);
  const daemon = await startDaemon(
    findProgram('nginx')!,
    ['-p', directory, '-c', at('nginx.conf'), '-e', 'stderr'],
    port,
  );
  return {
    origin: `https://localhost:${port}`,
    [Symbol.asyncDispose]: async () => {
      await daemon[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function configuration(port: number): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`);
  return `
    daemon off;
    worker_processes 1;
    pid nginx.pid;
    events {}
    http {
      access_log off;
      ${paths.join(' ')}
      server {
        listen 127.0.0.1:${port} ssl;
        server_name localhost;
        ssl_certificate server.pem;
        ssl_certificate_key server.key;
        ssl_client_certificate clients.pem;
        ssl_verify_client on;
        default_type text/plain;
        location / { return 200 "$ssl_client_s_dn $ssl_client_verify $http_authorization"; }
      }
    }`;
}
