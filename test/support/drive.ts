/**
 * A stand-in for Google over TLS: the token endpoint of service accounts, which gives a token for an assertion with the account's
 * signature and the claims that Google asks for, and Drive (v3), which takes no token but those. For tests only.
 */
import { randomBytes, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { jwtVerify } from 'jose';
import type { Leaf } from './ca.ts';

/** What Google calls its endpoint, wherever it is reached. */
export const AUDIENCE = 'https://oauth2.googleapis.com/token';
export const SCOPE = 'https://www.googleapis.com/auth/drive.file';
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** Seconds ("Using OAuth 2.0 for Server to Server Applications"). */
const MOST = 3_600;

export interface ServiceAccount {
  readonly email: string;
  readonly kid: string;
  readonly publicKey: KeyObject;
}

export interface Drive extends AsyncDisposable {
  readonly endpoint: string;
  readonly origin: string;
  /** Status codes of the token endpoint, tokens it gave, and status codes of Drive. */
  readonly asked: number[];
  readonly given: string[];
  readonly came: number[];
}

export async function startDrive(leaf: Leaf, account: ServiceAccount): Promise<Drive> {
  const [asked, given, came]: [number[], string[], number[]] = [[], [], []];
  const files = new Files(account.email);
  const giving = await listen(leaf, async (request, response) => {
    const refused = await whyRefused(request, account);
    if (refused === undefined) given.push(`ya29.c.${randomBytes(48).toString('base64url')}`);
    asked.push(refused === undefined ? 200 : 400);
    json(response, asked.at(-1)!, refused ?? { access_token: given.at(-1), expires_in: 3_599, token_type: 'Bearer' });
  });
  const serving = await listen(leaf, async (request, response) => {
    const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (given.includes(token)) await files.serve(request, response, token);
    else refuse(response, 401, 'Request had invalid authentication credentials.', 'UNAUTHENTICATED');
    came.push(response.statusCode);
  });
  return {
    ...{ endpoint: `${giving.origin}/token`, origin: serving.origin, asked, given, came },
    async [Symbol.asyncDispose]() {
      for (const { server } of [giving, serving]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

async function listen(leaf: Leaf, answer: Answer): Promise<{ readonly server: Server; readonly origin: string }> {
  const server = createServer({ cert: leaf.cert, key: leaf.key }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `https://localhost:${(server.address() as AddressInfo).port}` };
}

/** RFC 7523 §2.1 and §3.1, and what Google wants besides: its own name, RS256, a scope, an hour at most. */
async function whyRefused(request: IncomingMessage, account: ServiceAccount): Promise<object | undefined> {
  const no = (error: string, why: string) => ({ error, error_description: why });
  const form = new URLSearchParams(await text(request));
  if (request.method !== 'POST' || request.url !== '/token') return no('invalid_request', 'No such endpoint.');
  if (!/^application\/x-www-form-urlencoded\b/.test(request.headers['content-type'] ?? ''))
    return no('invalid_request', 'No form.');
  if (form.get('grant_type') !== GRANT || form.size !== 2) return no('unsupported_grant_type', 'Another grant.');
  try {
    const { payload, protectedHeader } = await jwtVerify(form.get('assertion') ?? '', account.publicKey, {
      ...{ algorithms: ['RS256'], audience: AUDIENCE, issuer: account.email },
      ...{ requiredClaims: ['exp'], maxTokenAge: MOST },
    });
    const { exp = 0, iat = 0, aud, scope } = payload;
    // Google's own library says neither.
    const { typ = 'JWT', kid = account.kid } = protectedHeader;
    if (typ !== 'JWT' || kid !== account.kid) return no('invalid_grant', 'Invalid type or key id.');
    if (exp <= iat || exp - iat > MOST || aud !== AUDIENCE) return no('invalid_grant', 'Invalid life or audience.');
    return scope === SCOPE ? undefined : no('invalid_scope', 'Invalid scope.');
  } catch {
    return no('invalid_grant', 'Invalid JWT Signature.');
  }
}

/** What Drive keeps for one account, as far as its SDK is used here. */
class Files {
  readonly #email: string;
  readonly #kept = new Map<string, { readonly name: string; readonly content: Buffer }>();

  constructor(email: string) {
    this.#email = email;
  }

  async serve(request: IncomingMessage, response: ServerResponse, token: string): Promise<void> {
    const { method, url = '', headers } = request;
    const { pathname, searchParams } = new URL(url, 'https://localhost');
    const [, id] = /^\/drive\/v3\/files\/(\w+)$/.exec(pathname) ?? [];
    const file = id === undefined ? undefined : this.#kept.get(id);
    if (method === 'POST' && pathname === '/upload/drive/v3/files' && searchParams.get('uploadType') === 'multipart')
      return json(response, 200, this.#create(await buffer(request), headers['content-type'] ?? ''));
    if (method === 'GET' && pathname === '/drive/v3/about')
      return json(response, 200, { user: { emailAddress: this.#email }, echo: token });
    if (method === 'GET' && pathname === '/drive/v3/files')
      return json(response, 200, { files: [...this.#kept].map(([kept, { name }]) => ({ id: kept, name })) });
    if (file === undefined) return refuse(response, 404, 'File not found.', 'NOT_FOUND');
    if (method === 'GET' && searchParams.get('alt') === 'media') {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(file.content);
      return;
    }
    if (method !== 'DELETE') return refuse(response, 400, 'Bad Request', 'INVALID_ARGUMENT');
    this.#kept.delete(id!);
    response.writeHead(204).end();
  }

  /** `multipart/related` (RFC 2387) of two parts: what is said of the file, and the file. */
  #create(body: Buffer, type: string): object {
    const [, boundary = ''] = /^multipart\/related; boundary=(\S+)$/.exec(type) ?? [];
    const [first, second, end] = [`--${boundary}\r\n`, `\r\n--${boundary}\r\n`, `\r\n--${boundary}--`];
    const [middle, last] = [body.indexOf(second), body.lastIndexOf(end)];
    if (!body.subarray(0, first.length).equals(Buffer.from(first)) || middle < 0 || last + end.length !== body.length)
      throw new TypeError('No parts.');
    const said = behindHead(body.subarray(first.length, middle)).toString();
    const content = behindHead(body.subarray(middle + second.length, last));
    const { name } = JSON.parse(said) as { readonly name: string };
    const id = randomBytes(12).toString('hex');
    this.#kept.set(id, { name, content });
    return { kind: 'drive#file', id, name };
  }
}

function behindHead(part: Buffer): Buffer {
  return part.subarray(part.indexOf('\r\n\r\n') + 4);
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(value));
}

function refuse(response: ServerResponse, code: number, message: string, status: string): void {
  json(response, code, { error: { code, message, status } });
}
