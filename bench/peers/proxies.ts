/**
 * What people would put in the executor's place: they hold the credential in a file or in memory and add it to what they pass on.
 * None of them asks who calls, keeps an audit, or looks at an answer.
 */
import { fileURLToPath } from 'node:url';
import { start } from '#test/support/process.js';
import type { Place } from '../stage/upstream.ts';
import { startNginx } from './nginx.ts';

export interface Peer extends AsyncDisposable {
  readonly pid: number;
  readonly origin: string;
}

/** nginx that adds a header. With `kept` upstream sockets stay open; else each request has a TLS handshake of its own. */
export async function startNginxProxy({ origin, ca, credential }: Place, { kept }: { kept: boolean }): Promise<Peer> {
  const { host, hostname } = new URL(origin);
  const { pid, port, ...nginx } = await startNginx({
    files: { 'ca.pem': ca },
    http: (port) => `
      upstream api { server ${host.replace(hostname, '127.0.0.1')}; ${kept ? KEPT : ''} }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass https://api;
          proxy_http_version 1.1;
          proxy_set_header Host ${host};
          proxy_set_header Connection "${kept ? '' : 'close'}";
          proxy_set_header Authorization "Bearer ${credential}";
          proxy_ssl_verify on;
          proxy_ssl_trusted_certificate ca.pem;
          proxy_ssl_name ${hostname};
          proxy_ssl_server_name on;
          proxy_ssl_session_reuse ${kept ? 'on' : 'off'};
          proxy_buffers 16 16k;
          proxy_max_temp_file_size 0;
        }
      }`,
  });
  return { pid, origin: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose]() };
}

/** As many as the executor keeps, and as long. */
const KEPT = 'keepalive 64; keepalive_requests 100000000; keepalive_timeout 60s;';

/** The shortest proxy that one writes with `node:http` and undici. */
export async function startNaiveProxy(place: Place): Promise<Peer> {
  const child = await start({
    file: process.execPath,
    args: [fileURLToPath(new URL('./naive-main.js', import.meta.url))],
    input: `${JSON.stringify(place)}\n`,
    keepStdin: true,
  });
  const { port } = JSON.parse(child.readyLine) as { port: number };
  return {
    pid: child.pid,
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => void (await child.stop()),
  };
}
