/** An API for every kind: nginx that gives 1 KiB to who shows the credential where its kind has it, and 401 to all else. */
import { randomBytes } from 'node:crypto';
import { createCa, type Leaf } from '#test/support/ca.js';
import { startNginx } from '../peers/nginx.ts';
import { freePort } from '#test/support/process.js';
import { makeKinds, type Kind } from './kinds.ts';

export interface Api extends AsyncDisposable {
  readonly kinds: readonly Kind[];
  readonly origin: string;
  /** Where certificates are asked for. */
  readonly certifiedOrigin: string;
}

export const OCTETS = 1_024;

export async function startApi(leaf: Leaf): Promise<Api> {
  const clients = await createCa();
  const client = await clients.issueClient('robot');
  const [credential, token] = ['sk', 'at'].map((kind) => `${kind}_${randomBytes(30).toString('hex')}`) as [
    string,
    string,
  ];
  const [text, certifiedPort] = [randomBytes(OCTETS).toString('hex').slice(0, OCTETS), await freePort()];
  // The token endpoint stands in what is sealed, so the port has to be known first.
  const port = await freePort();
  const kinds = makeKinds({ origin: `https://localhost:${port}`, credential, token, client });
  const given = JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 86_400 });
  const tls = 'ssl_certificate server.pem; ssl_certificate_key server.key; default_type application/json;';
  const placesOf = (certified: true | undefined): string =>
    kinds
      .filter((kind) => kind.certified === certified)
      .map(({ path, arrives = path.split('?', 1)[0]!, known: [variable, expression] }) => {
        return `location = ${arrives} { if (${variable} !~ "${expression}") { return 401; } return 200 "${text}"; }`;
      })
      .join('\n');
  const { [Symbol.asyncDispose]: stop } = await startNginx({
    files: { 'server.pem': leaf.cert, 'server.key': leaf.key, 'clients.pem': clients.root },
    http: () => `
      variables_hash_max_size 2048;
      server {
        listen 127.0.0.1:${port} ssl; ${tls}
        location = /oauth/token { return 200 '${given}'; }
        ${placesOf(undefined)}
      }
      server {
        listen 127.0.0.1:${certifiedPort} ssl; ${tls}
        ssl_client_certificate clients.pem; ssl_verify_client on;
        ${placesOf(true)}
      }`,
  });
  return {
    ...{ kinds, origin: `https://localhost:${port}`, certifiedOrigin: `https://localhost:${certifiedPort}` },
    [Symbol.asyncDispose]: stop,
  };
}
