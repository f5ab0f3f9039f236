/**
 * Whoever owns an MCP server, in front of a real executor: a whole stack as processes, a credential sealed for an upstream, and
 * the server's own key with a live dispatch token, used without any of our libraries between it and the socket.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { makeTempDir } from '../../support/process.ts';
import { startStack, type Stack, type StackOptions } from '../../world/stack.ts';
import { takeStanding, type SealedLogin } from '../../world/standing.ts';
import { startRawUpstream, type RawUpstream } from './upstream.ts';

const BUSY = 'ENCLAVE_UNAVAILABLE';

export interface Said {
  /** All that came until the connection ended. */
  readonly octets: Buffer;
  readonly status: number;
  /** Lowercase names; the last of each. */
  readonly headers: Readonly<Record<string, string>>;
  /** Without its framing. */
  readonly body: Buffer;
  /** `DAuth-Error`, or undefined where an upstream answered. */
  readonly error: string | undefined;
}

export interface Wanted {
  readonly method?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  readonly handle?: string;
}

export interface Siege extends AsyncDisposable {
  readonly stack: Stack;
  readonly upstream: RawUpstream;
  readonly secret: string;
  readonly handle: string;
  /** Headers that let one request through: token, and a fresh proof for it. */
  pass(method: string, path: string): Promise<readonly string[]>;
  /** Octets to the executor, over a socket of their own; resolves when the executor ends it. */
  send(octets: string, options?: { readonly endsInput?: boolean }): Promise<Said>;
  /** The streaming form, with a target exactly as it is written. */
  stream(target: string, wanted?: Wanted): Promise<Said>;
  /** The buffered form, of what was sealed first or of another. */
  dispatch(request: object, of?: string): Promise<Said>;
  /** Seals another credential for the same client. */
  seal(secret: string, flags: readonly string[]): Promise<string>;
  /** Seals a login, and what is captured out of its answers. */
  sealLogin(secret: string, flags: readonly string[]): Promise<SealedLogin>;
}

export interface SiegeOptions {
  /** Flags of `dauth connect` beyond origin and server. */
  readonly connect: readonly string[];
  readonly stack?: Omit<StackOptions, 'dir'>;
}

export async function laySiege({ connect: flags, stack: over = {} }: SiegeOptions): Promise<Siege> {
  const dir = await makeTempDir();
  const stack = await startStack({ dir: join(dir.path, 'stack'), ...over });
  const upstream = await startRawUpstream(stack.leaf);
  const { executor } = stack.ready;
  const standing = await takeStanding(stack, { dir: dir.path, origin: upstream.origin });
  const pass = async (method: string, path: string): Promise<readonly string[]> => {
    const token = await standing.token();
    const proof = await standing.prove(token, method, executor + escaped(path.split('?', 1)[0]!));
    return [`Authorization: DPoP ${token}`, `DPoP: ${proof}`];
  };
  const send: Siege['send'] = async (octets, { endsInput = false } = {}) => {
    const { hostname, port } = new URL(executor);
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined);
    if (endsInput) socket.end(octets, 'latin1');
    else socket.write(octets, 'latin1');
    await once(socket, 'close');
    return parse(Buffer.concat(chunks));
  };
  const stream: Siege['stream'] = async (target, { method = 'GET', headers = [], body, handle: of = handle } = {}) => {
    const path = `/connections/${of}${target}`;
    const framing = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`];
    const lines = [
      `${method} ${path} HTTP/1.1`,
      'Host: executor',
      ...(await pass(method, path)),
      ...headers,
      ...framing,
    ];
    const said = await send(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body ?? ''}`);
    // A busy machine lets the view of revocations grow old, and then nothing is sent.
    return said.error === BUSY
      ? stream(target, { method, headers, handle: of, ...(body === undefined ? {} : { body }) })
      : said;
  };
  const dispatch: Siege['dispatch'] = async (request, of = handle) => {
    const body = JSON.stringify({ connection_handle: of, request: { method: 'GET', ...request } });
    const lines = ['POST /dispatch HTTP/1.1', 'Host: executor', ...(await pass('POST', '/dispatch'))];
    const framing = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
    const said = await send(
      `${lines.join('\r\n')}\r\n${framing}\r\nConnection: close\r\n\r\n${Buffer.from(body).toString('latin1')}`,
    );
    return said.error === BUSY ? dispatch(request, of) : said;
  };
  // With what base64 has and encoders write in their own ways.
  const secret = `sk_${randomBytes(22).toString('base64').slice(0, -4)}a+b/c==`;
  const handle = await standing.seal(secret, flags);
  return {
    ...{ stack, upstream, secret, handle, pass, send, stream, dispatch },
    seal: (other, more) => standing.seal(other, more),
    sealLogin: (other, more) => standing.sealLogin(other, more),
    async [Symbol.asyncDispose]() {
      await stack.stop();
      await upstream[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** What stands raw in a target but in no URI (RFC 3986 §3.3). */
function escaped(path: string): string {
  return path.replaceAll(
    /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/g,
    (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function parse(octets: Buffer): Said {
  const text = octets.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const [line = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\r\n');
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const each of lines)
    headers[each.slice(0, each.indexOf(':')).toLowerCase()] = each.slice(each.indexOf(':') + 1).trim();
  const rest = end < 0 ? Buffer.alloc(0) : octets.subarray(end + 4);
  const body = headers['transfer-encoding'] === 'chunked' ? dechunked(rest) : rest;
  return { octets, status: Number(line.split(' ')[1] ?? 0), headers, body, error: headers['dauth-error'] };
}

function dechunked(octets: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < octets.length;) {
    const end = octets.indexOf('\r\n', at);
    const size = Number.parseInt(octets.toString('latin1', at, end), 16);
    if (end < 0 || !(size > 0)) break;
    parts.push(octets.subarray(end + 2, end + 2 + size));
    at = end + 4 + size;
  }
  return Buffer.concat(parts);
}
