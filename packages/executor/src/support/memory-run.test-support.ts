/** Measures kinds of credentials in a process of their own: what is left of it after so many dispatches. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capturedLogin } from './captured-login.test-support.ts';
import { certifiedSockets } from './certified-key.test-support.ts';
import { issueClient, type ClientIdentity, type ClientKind } from './client-certificates.test-support.ts';
import { pad } from './echo.test-support.ts';
import { serveDatabase } from './database.test-support.ts';
import { INSTALLATION, makeGiven, type Kind } from './memory-kinds.test-support.ts';
import type { Measured } from './memory-rest.test-support.ts';
import { MemoryProof, type Beside } from './memory.test-support.ts';
import { TestCa } from './upstreams.test-support.ts';

/** So many tokens are good for one call, as many more as there are calls are kept: an RSA signature for each takes minutes. */
const USED_ONCE = 200;

export interface Order {
  /** Dispatches of each kind in all, in rising order. */
  readonly numbers: readonly number[];
  /** Whether the process is aborted at the end, for its core image. */
  readonly withCore?: boolean;
  /** Whether it is started like the executor; default as on a system without glibc, but for kinds that are not taken there. */
  readonly asStarted?: boolean;
}

/** @returns what was found, or why this system forbids the look */
export async function measureKinds(
  kinds: readonly Kind[],
  { numbers, withCore = false, asStarted = false }: Order,
): Promise<Measured | string> {
  const ca = await TestCa.create();
  const identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
  await using scram = await serveDatabase(identity, { passwords: [] });
  await using md5 = await serveDatabase(identity, { passwords: [] });
  await using dir = emptyDirectory();
  const given = makeGiven();
  const [login, certified, tokens] = [capturedLogin(), certifiedSockets(), tokenEndpoint(given)];
  const beside: Beside = (...asked) => certified.beside(...asked) || login.beside(...asked) || tokens(...asked);
  await using proof = await MemoryProof.open(beside, {
    ca,
    tls: { requestCert: true, rejectUnauthorized: false, ca: [ca.pem] },
    isOverwritten: asStarted || kinds.some(({ isOverwritten }) => isOverwritten),
    holds: false,
    ...(withCore ? { dir: dir.path } : {}),
  });
  if (proof.forbidden !== null) return proof.forbidden;
  const clients: Partial<Record<ClientKind, readonly ClientIdentity[]>> = {};
  for (const { client } of kinds)
    if (client !== undefined) clients[client] = [await issueClient(ca, client), await issueClient(ca, client)];
  const databases = { 'scram-sha-256': scram, md5 };
  const places = { origin: proof.origin, databases, given, login: login.use, clients, closed: certified.closed };
  return await proof.measure(
    kinds.map(({ use }) => use(places)),
    numbers,
  );
}

function emptyDirectory(): AsyncDisposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'dauth-core-'));
  return { path, [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true }) };
}

/** In one piece or two, and each time of another length. */
function tokenEndpoint(given: Readonly<Record<string, Buffer>>): Beside {
  const [access, refresh] = ['access token', 'refresh token that came'].map((name) =>
    ['a', 'another'].map((one) => given[`${one === 'a' && name.startsWith('a') ? 'an' : one} ${name}`]!.toString()),
  );
  const type = 'urn:ietf:params:oauth:token-type:id-jag';
  const idJag = { access_token: given['an ID-JAG']!.toString(), token_type: 'N_A', issued_token_type: type };
  let asked = 0;
  const members = (url: string, sent: string): object => {
    if (sent.includes('requested_token_type=')) return idJag;
    const isKept = asked > USED_ONCE;
    const token = access![asked++ % 2];
    if (url === INSTALLATION) return { token, expires_at: isKept ? '2038-01-01T00:00:00Z' : '2020-01-01T00:00:00Z' };
    const next = sent.includes('grant_type=refresh_token') ? { refresh_token: refresh![asked % 2] } : {};
    return { ...next, token_type: 'Bearer', expires_in: isKept ? 3_600 : 0, access_token: token };
  };
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const { url = '' } = request;
    if (url !== '/oauth/token' && url !== INSTALLATION) return false;
    let sent = '';
    request.setEncoding('latin1').on('data', (text: string) => (sent += text));
    request.on('end', () => {
      const text = JSON.stringify({ ...members(url, sent), pad: pad(400) }) + ' '.repeat(asked % 16);
      response.writeHead(url === INSTALLATION ? 201 : 200);
      if (asked % 3 > 0) return response.end(text);
      response.write(text.slice(0, 60));
      setTimeout(() => response.end(text.slice(60)), 2);
    });
    return true;
  };
}
