/**
 * Routes of a hostile upstream: it shows back whatever it was sent in every place an HTTP answer has, leads elsewhere, never
 * ends, or stops half way. Used by attacks; knows no secret but what it is sent.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

type Route = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => Promise<void> | void;

/** How `/echo?as=…` shows what it got. */
type Echo = (response: ServerResponse, seen: Seen) => Promise<void> | void;

interface Seen {
  /** Request line, headers and body, as text. */
  readonly all: string;
  /** The Authorization header, or the target where there is none: short enough for a header or a status line. */
  readonly secret: string;
}

const ECHOES: Readonly<Record<string, Echo>> = {
  __proto__: null as never,
  body: (response, { all }) => void response.writeHead(200, { 'content-type': 'text/plain' }).end(all),
  json: (response, { all, secret }) => void json(response, 200, { all, secret, nested: [{ secret }] }),
  reason: (response, { secret }) =>
    void response.writeHead(200, secret.replace(/[^\t\x20-\x7e]/g, '?')).end('see the status line'),
  headers: (response, { secret }) =>
    void response
      .writeHead(200, {
        'x-seen': headerSafe(secret),
        'x-seen-base64': Buffer.from(secret).toString('base64'),
        [`x-${token(secret)}`]: 'name',
      })
      .end('see the headers'),
  base64: (response, { all }) =>
    void response.end(['', 'x', 'xy'].map((pad) => Buffer.from(pad + all).toString('base64')).join('\n')),
  base64url: (response, { all }) =>
    void response.end(['', 'x', 'xy'].map((pad) => Buffer.from(pad + all).toString('base64url')).join('\n')),
  hex: (response, { all }) =>
    void response.end(`${Buffer.from(all).toString('hex')}\n${Buffer.from(all).toString('hex').toUpperCase()}`),
  percent: (response, { all }) => void response.end(encodeURIComponent(all)),
  chunked: async (response, { all, secret }) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write(all.slice(0, 40));
    for (const character of secret) {
      response.write(character);
      // One turn of the loop each, so that each octet is a chunk and a TLS record of its own.
      await nextTurn();
    }
    response.end(all);
  },
  halves: async (response, { secret }) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    const middle = Math.floor(secret.length / 2);
    response.write(secret.slice(0, middle));
    await sleep(30);
    response.end(secret.slice(middle));
  },
  gzip: (response, { all }) => void compressed(response, 'gzip', gzipSync(all)),
  br: (response, { all }) => void compressed(response, 'br', brotliCompressSync(all)),
  deflate: (response, { all }) => void compressed(response, 'deflate', deflateSync(all)),
  'gzip-twice': (response, { all }) => void compressed(response, 'gzip, gzip', gzipSync(gzipSync(all))),
  'unknown-encoding': (response, { all }) => void compressed(response, 'x-mystery', Buffer.from(all)),
  'gzip-lie': (response, { all }) => void compressed(response, 'gzip', Buffer.from(all)),
  partial: (response, { all }) =>
    void response.writeHead(206, { 'content-range': `bytes 0-${all.length - 1}/${all.length * 2}` }).end(all),
  trailers: (response, { secret }) => {
    response.writeHead(200, { trailer: 'x-seen' });
    response.write('see the trailer');
    response.addTrailers({ 'x-seen': headerSafe(secret) });
    response.end();
  },
  error: (response, { all }) =>
    void response.writeHead(401, { 'www-authenticate': `Bearer error="${token(all.slice(0, 200))}"` }).end(all),
};

const ROUTES: Readonly<Record<string, Route>> = {
  __proto__: null as never,
  '/echo': async (request, response, query) => {
    const body = await readAll(request);
    const lines = [`${request.method} ${request.url}`];
    for (let i = 0; i < request.rawHeaders.length; i += 2)
      lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`);
    const seen = {
      all: `${lines.join('\r\n')}\r\n\r\n${body.toString('latin1')}`,
      secret: request.headers.authorization ?? request.url ?? '',
    };
    const echo = ECHOES[query.get('as') ?? 'body'];
    if (echo === undefined) return json(response, 404, { message: 'no such echo' });
    await echo(response, seen);
  },
  '/redirect': (_request, response, query) =>
    void response
      .writeHead(Number(query.get('code') ?? 302), { location: query.get('to') ?? 'https://elsewhere.example/steal' })
      .end('moved'),
  '/big': async (_request, response, query) => {
    const octets = Number(query.get('octets') ?? Number.POSITIVE_INFINITY);
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    const block = Buffer.alloc(65_536, 0x61);
    for (let sent = 0; sent < octets && !response.destroyed; sent += block.length) {
      if (!response.write(block.subarray(0, Math.min(block.length, octets - sent)))) await drained(response);
    }
    response.end();
  },
  '/slow': async (_request, response, query) => {
    if (query.get('at') === 'body') response.writeHead(200, { 'content-type': 'text/plain' }).write('begun');
    await pause(response, Number(query.get('ms') ?? 60_000));
    response.end('done');
  },
  '/stream': async (_request, response, query) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const events = Number(query.get('events') ?? Number.POSITIVE_INFINITY);
    for (let id = 0; id < events && !response.destroyed; id++) {
      response.write(`id: ${id}\ndata: ${Date.now()}\n\n`);
      await pause(response, Number(query.get('ms') ?? 50));
    }
    response.end();
  },
  '/set-cookie': (_request, response) =>
    void response
      .writeHead(200, {
        'set-cookie': ['session=upstream; Path=/', 'other=1'],
        'clear-site-data': '"*"',
        'dpop-nonce': 'upstream-nonce',
        'dauth-error': 'FORGED',
        'dauth-receipt': 'forged.1.forged',
        'www-authenticate': 'Bearer realm="upstream"',
        'x-plain': 'kept',
      })
      .end('cookies'),
  '/hints': (_request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.end('hinted');
  },
  '/upload': async (request, response) => {
    const hash = createHash('sha256');
    let octets = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      hash.update(chunk);
      octets += chunk.length;
    }
    json(response, 200, { octets, sha256: hash.digest('base64url') });
  },
  '/cut': (request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '1000' });
    response.write('only the beginning', () => request.socket.destroy());
  },
  '/status': (_request, response, query) =>
    void json(response, Number(query.get('code') ?? 500), { message: 'as asked' }),
};

/** Serves a hostile route. @returns false where the path is none, and nothing was done */
export async function serveHostile(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  const [path, query] = splitTarget(request.url ?? '/');
  const route = ROUTES[path];
  if (route === undefined) return false;
  await route(request, response, new URLSearchParams(query));
  return true;
}

export function splitTarget(target: string): [path: string, query: string] {
  const at = target.indexOf('?');
  return at === -1 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)];
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function compressed(response: ServerResponse, encoding: string, body: Buffer): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': encoding }).end(body);
}

function headerSafe(text: string): string {
  return text.replace(/[^\t\x20-\x7e]/g, '?');
}

function token(text: string): string {
  return text.replace(/[^A-Za-z0-9._~-]/g, '-').slice(0, 300);
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    response.once('drain', resolve);
    response.once('close', resolve);
  });
}

/** Waits, but not for a client that has gone. */
async function pause(response: ServerResponse, ms: number): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  await sleep(ms, undefined, { signal: gone.signal }).catch(() => undefined);
}
