/**
 * Whoever owns an MCP server, in front of a real executor: a whole stack as processes, a credential sealed for an upstream, and
 * the server's own key with a live dispatch token, used without any of our libraries between it and the socket.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createClient, importKey, signProof } from '@dauth/client';
import { importJWK, SignJWT, type JWK } from 'jose';
import { makeTempDir } from '../../support/process.ts';
import { startStack, type Stack, type StackOptions } from '../../world/stack.ts';
import { startRawUpstream, type RawUpstream } from './upstream.ts';

const RESOURCE = 'http://127.0.0.1:1/mcp';
const TYPE = 'urn:ietf:params:oauth:token-type:access_token';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const BUSY = 'ENCLAVE_UNAVAILABLE';
/** Less than the life of a dispatch token. */
const TOKEN_MS = 60_000;

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
  /** The buffered form. */
  dispatch(request: object): Promise<Said>;
  /** Seals another credential for the same client. */
  seal(secret: string, flags: readonly string[]): Promise<string>;
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
  const at = (name: string): string => join(dir.path, name);
  const add = async (...args: string[]) => (await stack.dauth<{ client_id: string }>(args)).client_id;
  const serverId = await add(
    'servers',
    'add',
    '--resource',
    RESOURCE,
    '--generate',
    at('server.jwk'),
    '--scope',
    'use',
  );
  const clientId = await add('clients', 'add', '--name', 'laptop', '--generate', at('client.jwk'));
  const connected: string[] = [];
  const seal = async (secret: string, more: readonly string[]): Promise<string> => {
    const where = [
      '--origin',
      upstream.origin,
      '--server',
      RESOURCE,
      '--key',
      at('client.jwk'),
      '--client-id',
      clientId,
    ];
    const { handle } = await stack.dauth<{ handle: string }>(
      ['connect', `c${connected.length}`, ...where, ...more],
      secret,
    );
    connected.push(handle);
    held = undefined;
    return handle;
  };
  const { authority, executor } = stack.ready;
  const clientKey = await importKey(await readJwk(at('client.jwk')));
  const client = createClient({ issuer: authority, clientId, key: clientKey });
  const jwk = await readJwk(at('server.jwk'));
  const key = await importJWK(jwk as JWK, 'ES256');
  const { kty, crv, x, y } = jwk as Record<string, string>;

  let held: { readonly token: string; readonly until: number } | undefined;
  const token = async (): Promise<string> => {
    if (held !== undefined && held.until > Date.now()) return held.token;
    const { accessToken } = await client.token({ resource: RESOURCE, scope: ['use'], connections: connected });
    const now = Math.floor(Date.now() / 1_000);
    const assertion = await new SignJWT({ jti: randomUUID(), iss: serverId, sub: serverId, aud: authority, iat: now })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime(now + 60)
      .sign(key);
    const form = {
      ...{ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', resource: executor },
      ...{ client_assertion_type: ASSERTION, client_assertion: assertion },
      ...{ subject_token: accessToken, subject_token_type: TYPE },
      subject_dpop: await signProof(clientKey, { method: 'POST', url: RESOURCE, accessToken }),
    };
    const url = `${authority}/token`;
    const dpop = await signProof(await importKey(jwk), { method: 'POST', url });
    const response = await fetch(url, { method: 'POST', headers: { dpop }, body: new URLSearchParams(form) });
    const said = (await response.json()) as { access_token?: string };
    if (said.access_token === undefined) throw new Error(JSON.stringify(said));
    held = { token: said.access_token, until: Date.now() + TOKEN_MS };
    return held.token;
  };
  const pass = async (method: string, path: string): Promise<readonly string[]> => {
    const access = await token();
    const claims = { htm: method, htu: executor + escaped(path.split('?', 1)[0]!), ath: await digest(access) };
    const proof = await new SignJWT({ ...claims, jti: randomUUID(), iat: Math.floor(Date.now() / 1_000) })
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty: kty!, crv: crv!, x: x!, y: y! } })
      .sign(key);
    return [`Authorization: DPoP ${access}`, `DPoP: ${proof}`];
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
  const stream: Siege['stream'] = async (
    target,
    { method = 'GET', headers = [], body, handle = connected[0]! } = {},
  ) => {
    const path = `/connections/${handle}${target}`;
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
      ? stream(target, { method, headers, handle, ...(body === undefined ? {} : { body }) })
      : said;
  };
  const dispatch: Siege['dispatch'] = async (request) => {
    const body = JSON.stringify({ connection_handle: handle, request: { method: 'GET', ...request } });
    const lines = ['POST /dispatch HTTP/1.1', 'Host: executor', ...(await pass('POST', '/dispatch'))];
    const framing = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
    const said = await send(
      `${lines.join('\r\n')}\r\n${framing}\r\nConnection: close\r\n\r\n${Buffer.from(body).toString('latin1')}`,
    );
    return said.error === BUSY ? dispatch(request) : said;
  };
  // With what base64 has and encoders write in their own ways.
  const secret = `sk_${randomBytes(22).toString('base64').slice(0, -4)}a+b/c==`;
  const handle = await seal(secret, flags);
  return {
    ...{ stack, upstream, secret, handle, pass, send, stream, seal },
    dispatch,
    async [Symbol.asyncDispose]() {
      await stack.stop();
      await upstream[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function readJwk(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
}

async function digest(token: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(token))).toString('base64url');
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
