/** The API behind it all: nginx over TLS, in a process that no contestant pays for. It gives files of known sizes to one key. */
import { randomBytes } from 'node:crypto';
import type { Leaf } from '#test/support/ca.js';
import { startNginx } from '../peers/nginx.ts';

/** An API, and what it takes. */
export interface Place {
  readonly origin: string;
  /** PEM of who vouches for it. */
  readonly ca: string;
  readonly credential: string;
}

export interface Upstream extends Place, AsyncDisposable {}

/**
 * Gives `/SIZE` for each of the sizes: JSON of exactly so many octets, as text that nothing can guess.
 * @param sizes octets, 16 or more
 */
export async function startUpstream(leaf: Leaf, ca: string, sizes: readonly number[]): Promise<Upstream> {
  const credential = `sk_${randomBytes(30).toString('hex')}`;
  const { port, ...nginx } = await startNginx({
    files: {
      ...Object.fromEntries(sizes.map((size) => [`${size}`, jsonOf(size)])),
      ...{ 'server.pem': leaf.cert, 'server.key': leaf.key },
    },
    http: (port) => `
      default_type application/json;
      sendfile on;
      tcp_nopush on;
      open_file_cache max=16 inactive=1h;
      server {
        listen 127.0.0.1:${port} ssl;
        ssl_certificate server.pem;
        ssl_certificate_key server.key;
        location / {
          if ($http_authorization != "Bearer ${credential}") { return 401; }
          root .;
        }
      }`,
  });
  return {
    ...{ origin: `https://localhost:${port}`, ca, credential },
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  };
}

function jsonOf(size: number): string {
  const [head, tail] = ['{"data":"', '"}'];
  const letters = size - head.length - tail.length;
  return (
    head +
    randomBytes(Math.ceil((letters * 3) / 4))
      .toString('base64url')
      .slice(0, letters) +
    tail
  );
}
