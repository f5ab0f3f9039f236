/**
 * Where a browser comes back to on this machine (RFC 8252 §7.3): one path of a loopback address, for as long as one answer is
 * waited for. Never reachable from elsewhere, and never an answer that says anything about the credential.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { CliError, EXIT, usage } from './output.ts';

export interface Callback extends AsyncDisposable {
  /** With the port it listens on. */
  readonly uri: string;
  /**
   * Waits for the answer that `read` takes. What it refuses may be anybody's on this machine, so it is waited on.
   * @throws CliError at the end of the time; what `read` says of an answer that ends the flow
   */
  wait<T>(read: (address: string) => T | undefined, limitMs: number): Promise<T>;
}

const FORM = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::([0-9]{1,5}))?(\/[A-Za-z0-9\-._~/]*)$/;
const MAX_TARGET = 8_192;

/** @param wanted a redirect URI; port 0 is any free one */
export async function listenForCallback(wanted: string): Promise<Callback> {
  const [, host, port = '80', path] = FORM.exec(wanted) ?? [];
  if (host === undefined || path === undefined)
    throw usage(
      '"redirect_uri" is an http address of this machine without a query.',
      'For example "http://127.0.0.1:0/callback", where 0 is any free port.',
    );
  const server = createServer({ maxHeaderSize: 16_384 });
  const address = host === '[::1]' ? '::1' : '127.0.0.1';
  const bound = await bind(server, address, Number(port));
  const own = `${host}:${bound}`;
  const uri = `http://${own}${path}`;
  return {
    uri,
    wait: (read, limitMs) => waitOn(server, { own, path, uri }, read, limitMs),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bind(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', () =>
      reject(
        new CliError(
          EXIT.conflict,
          'PORT_TAKEN',
          `Nobody can come back to port ${port} of this machine: it is taken, or needs other rights.`,
          'End what listens there, or give another port in "redirect_uri" if the provider allows it.',
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  return (server.address() as { port: number }).port;
}

function waitOn<T>(
  server: Server,
  { own, path, uri }: { readonly own: string; readonly path: string; readonly uri: string },
  read: (address: string) => T | undefined,
  limitMs: number,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const late = setTimeout(() => {
      const why = 'Nobody came back from the provider in time. Nothing was sealed or sent.';
      reject(new CliError(EXIT.timeout, 'TIMEOUT', why, 'Give the same command again.'));
    }, limitMs);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const target = request.url ?? '';
      const [asked] = target.split('?', 1);
      // Another host's name that leads here is a page that means to talk to this port (DNS rebinding).
      const isOurs = request.method === 'GET' && asked === path && request.headers.host === own;
      if (!isOurs || target.length > MAX_TARGET) return answer(response, 404, 'There is nothing here.');
      try {
        const result = read(`${uri}${target.slice(path.length)}`);
        if (result === undefined) return answer(response, 400, 'This is no answer that anybody waits for.');
        clearTimeout(late);
        answer(response, 200, 'Done. You can close this page and go back to the terminal.');
        resolve(result);
      } catch (error) {
        clearTimeout(late);
        answer(response, 200, 'Nothing was connected. The terminal says why.');
        reject(error as Error);
      }
    });
  });
}

/** The address holds a code: no page behind this one is told of it, and nothing keeps it. */
function answer(response: ServerResponse, status: number, words: string): void {
  response.writeHead(status, {
    ...{ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
    ...{ 'content-security-policy': "default-src 'none'", 'x-content-type-options': 'nosniff', connection: 'close' },
  });
  response.end(`${words}\n`);
}
