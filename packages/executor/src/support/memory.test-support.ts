/**
 * The process whose memory is looked at, an upstream that echoes, and what must not lie about in the one after calls to the
 * other. Only for the proofs of `memory.clean`.
 */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { createHmac, createPublicKey, diffieHellman, randomBytes, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import {
  decodeBase64url,
  encodeEnvelopeHeader,
  injectedFields,
  joinEnvelope,
  parseEnvelope,
  type EnvelopeHeader,
  type Injection,
} from '@dauth/protocol';
import * as hpke from 'hpke';
import { WebSocketServer, type WebSocket } from 'ws';
import { layOut } from './calls.test-support.ts';
import type { CallOrder, Order } from './memory.child.test-support.ts';
import { canLook, findInMemory, needlesOf, piecesOf, type Finding, type Needle } from './scanner.test-support.ts';
import { makePair } from './signer.test-support.ts';
import { serveHttps, TestCa, type TestServer } from './upstreams.test-support.ts';

const KID = 'n9hjOrhXxsQ_lTMu3PqkjHgwJURHZPF3HY5p-LFEgyg';
const CALLS = 320;
const KEEPING = Buffer.from('dauth kept token');
/** By name: its content encoding and how to encode. Stored blocks hold the body as it is. */
export const CODERS: Readonly<Record<string, { coding: string; encode: (body: string) => Buffer }>> = {
  gzip: { coding: 'gzip', encode: gzipSync },
  deflate: { coding: 'deflate', encode: deflateSync },
  // As servers do on the way; its best takes a second for the largest of the bodies.
  br: {
    coding: 'br',
    encode: (body) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  },
  stored: { coding: 'deflate', encode: (body) => deflateSync(body, { level: 0 }) },
};

const ALLOW = [{ origin: 'https://api.example', methods: ['POST'], paths: ['/**'] }];

type Keys = Readonly<Record<string, Buffer>>;

/** What is sealed as the field `token`, and which parts of it are secret. */
export interface Material {
  readonly value: Buffer;
  readonly parts: Keys;
}

interface Sealed {
  readonly envelope: string;
  readonly parts: Keys;
  readonly keys: Keys;
}

/** How a proof differs from the usual one. */
export interface Look {
  /** What else is made of a secret on the way, by name. */
  readonly made?: (secret: Buffer) => Keys;
  /** What the credential begins with. */
  readonly prefix?: string;
  /** In the place of a random token. */
  readonly material?: () => Material;
  /** What the envelope allows. */
  readonly allow?: readonly object[];
  /** Calls that arrived so far, where they do not go to the upstream that echoes. */
  readonly count?: () => number;
  /** How many calls; default 320. */
  readonly times?: number;
}

/** Answers a request in the place of the upstream that echoes; false where it is not for it. */
export type Beside = (request: IncomingMessage, response: ServerResponse) => boolean;

export class MemoryProof implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #opening: { readonly privateKey: KeyObject; readonly publicRaw: Buffer };
  #server!: TestServer;
  #saw = 0;
  #made = 0;

  private constructor() {
    const { privateKey, publicKey } = makePair('X25519');
    this.#opening = { privateKey, publicRaw: Buffer.from(decodeBase64url(publicKey.export({ format: 'jwk' }).x!)) };
    this.#child = fork(new URL('./memory.child.test-support.js', import.meta.url), { stdio: 'inherit' });
  }

  /** @param trusted the roots that the looked-at process trusts, where they are not those of the upstream that echoes */
  static async open(beside: Beside = () => false, trusted?: string): Promise<MemoryProof> {
    const proof = new MemoryProof();
    const ca = await TestCa.create();
    const identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      if (beside(request, response)) return;
      proof.#saw++;
      echo(request, response);
    };
    // A process that is looked at may stand still for longer than Node keeps an idle socket.
    proof.#server = await serveHttps(identity, listener, { keepAliveTimeout: 120_000 }, (server) => {
      const sockets = new WebSocketServer({ server });
      // What it says at once goes out in one piece with the head.
      sockets.on('headers', (_, request) => request.socket.cork());
      sockets.on('connection', (socket, request) => {
        proof.#saw++;
        echoFrames(socket, request);
        request.socket.uncork();
      });
    });
    const { privateKey, publicRaw } = proof.#opening;
    const key = privateKey.export({ format: 'jwk' });
    const setup = { kid: KID, alg: 'HPKE-3', publicRaw: publicRaw.toString('hex') } as const;
    await proof.#tell({ kind: 'setup', ca: trusted ?? ca.pem, key, ...setup });
    return proof;
  }

  /** Why this system forbids the look, null where it does not. */
  get forbidden(): string | null {
    return canLook(this.#pid);
  }

  /** Of the upstream, and whatever is beside it. */
  get origin(): string {
    return this.#server.origin;
  }

  /** Calls the upstream and looks for what was sealed, a second later. */
  async assertClean(
    t: TestContext,
    inject: readonly Injection[],
    calls: readonly Partial<CallOrder>[],
    look: Look = {},
  ): Promise<void> {
    const sealed = [await this.seal(inject, look), await this.seal(inject, look)];
    const { times = CALLS } = look;
    const orders = Array.from({ length: times }, (_, i): CallOrder => ({
      origin: this.#server.origin,
      envelope: sealed[i % 2]!.envelope,
      method: 'GET',
      target: '/',
      ver: 1,
      ...calls[i % calls.length],
    }));
    const { count: arrived = () => this.#saw } = look;
    const before = arrived();
    const running = this.#tell({ kind: 'calls', calls: orders, parallel: 8 });
    const during: Finding[] = [];
    let looks = 0;
    let done = false;
    void running.finally(() => (done = true));
    while (!done) {
      await sleep(20);
      if (looks < 3) during.push(...(await findInMemory(this.#pid, wholeNeedles(sealed).slice(0, 4))));
      looks++;
    }
    await running;
    assert.equal(arrived() - before, times, 'every call reached the upstream');
    for (const envelope of (await this.#tell({ kind: 'resealed' })) as readonly string[])
      sealed.push({ envelope, parts: {}, keys: deriveKeys(Buffer.from(parseEnvelope(envelope).enc), this.#opening) });
    await sleep(1_050);
    const rest = await findInMemory(this.#pid, wholeNeedles(sealed));
    const pieces = await findInMemory(
      this.#pid,
      sealed.flatMap(({ parts, keys }) =>
        Object.entries({ ...parts, ...keys }).flatMap(([name, key]) => piecesOf(name, key, 8)),
      ),
    );
    t.diagnostic(
      `whole copies while running (first looks): ${during.length}; 1 s after: ${rest.length}; pieces 1 s after: ${pieces.length}`,
    );
    if (rest.length + pieces.length > 0)
      t.diagnostic(JSON.stringify([count(rest), rest.slice(0, 6), count(pieces), pieces.slice(0, 4)], null, 1));
    assert.deepEqual(count(rest), {});
    assert.deepEqual(count(pieces), {});
  }

  /** That a load leaves no more copies of the opening key than there were. */
  async assertKeyCount(t: TestContext): Promise<void> {
    const key = Buffer.from(this.#opening.privateKey.export({ format: 'jwk' }).d!, 'base64url');
    const look = async (): Promise<number> => (await findInMemory(this.#pid, needlesOf('opening key', key))).length;
    const { envelope } = await this.seal([{ in: 'header', name: 'authorization', value: 'Bearer {token}' }]);
    const order: CallOrder = { origin: this.#server.origin, envelope, method: 'GET', target: '/', ver: 1 };
    const before = await look();
    assert.ok(before > 0, 'the look did not find the key that the process opens with');
    await this.#tell({ kind: 'calls', calls: Array.from({ length: CALLS }, () => order), parallel: 8 });
    await sleep(1_050);
    const after = await look();
    t.diagnostic(`copies of the opening key before: ${before}, after: ${after}`);
    assert.ok(after <= before, `${before} before, ${after} after`);
  }

  /** The positive control: what lies there is found. */
  async assertFinds(): Promise<void> {
    const needles = [{ name: 'control', bytes: randomBytes(24) }];
    assert.equal((await findInMemory(this.#pid, needles)).length, 0);
    await this.#tell({ kind: 'plant', hex: needles[0]!.bytes.toString('hex') });
    assert.ok((await findInMemory(this.#pid, needles)).length > 0);
  }

  async seal(
    inject: readonly Injection[],
    { made = () => ({}), prefix = 'ghp_', material = () => randomToken(prefix), allow = ALLOW }: Look = {},
  ): Promise<Sealed> {
    const { value: secret, parts } = material();
    const header = {
      alg: 'HPKE-3',
      kid: KID,
      typ: 'dauth-credential+jwe',
      crit: ['dauth'],
      dauth: {
        handle: `ddls:conn:01931e7a-2c4b-7abc-8def-${String(this.#made++).padStart(12, '0')}`,
        ver: 1,
        iss: 'https://auth.example',
        org: 'default',
        owner: 'alice',
        connection: 'api',
        servers: ['https://mcp.example/mcp'],
        allow,
        inject,
        bearer: false,
        iat: 1_795_000_000,
        exp: 1_826_536_000,
      },
    } as unknown as EnvelopeHeader;
    const segment = encodeEnvelopeHeader(header);
    const suite = new hpke.CipherSuite(hpke.KEM_DHKEM_X25519_HKDF_SHA256, hpke.KDF_HKDF_SHA256, hpke.AEAD_AES_128_GCM);
    const publicKey = await suite.DeserializePublicKey(this.#opening.publicRaw as Buffer<ArrayBuffer>);
    // Long, so that it is opened in more than one piece.
    const second = injectedFields(inject).has('second') ? Buffer.from(randomBytes(450).toString('base64')) : null;
    const fields = { token: secret, ...(second === null ? {} : { second }) };
    const plaintext = layOut(fields) as Buffer<ArrayBuffer>;
    const sealed = await suite.Seal(publicKey, plaintext, { aad: Buffer.from(segment) as Buffer<ArrayBuffer> });
    const enc = sealed.encapsulatedSecret;
    const keys = {
      ...deriveKeys(Buffer.from(enc), this.#opening),
      ...(second === null ? {} : { 'second field': second }),
      ...made(secret),
    };
    return { envelope: joinEnvelope(segment, enc, sealed.ciphertext), parts, keys };
  }

  get #pid(): number {
    return this.#child.pid!;
  }

  async #tell(order: Order): Promise<unknown> {
    this.#child.send(order);
    const [answer] = (await once(this.#child, 'message')) as [{ done?: unknown; failed?: string }];
    assert.equal(answer.failed, undefined);
    return answer.done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await once(this.#child, 'exit');
    await this.#server[Symbol.asyncDispose]();
  }
}

function randomToken(prefix: string): Material {
  const value = Buffer.from(`${prefix}${randomBytes(18).toString('hex')}`);
  return { value, parts: { credential: value } };
}

/** As hard to compress as a credential, in other letters: eight hex digits of one are found by chance in megabytes of them. */
export function pad(length: number): string {
  return randomBytes(length / 2)
    .toString('hex')
    .replaceAll(/./g, (digit) => 'ghijklmnopqrstuv'[Number.parseInt(digit, 16)]!);
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  const how = new URL(request.url!, 'http://x').searchParams;
  const echoed = how.get('echo') ?? '';
  const sent: Buffer[] = [];
  request.on('data', (chunk: Buffer) => sent.push(chunk));
  request.on('end', () => {
    const { authorization, cookie } = request.headers;
    const secret = authorization ?? cookie ?? (sent.length > 0 ? Buffer.concat(sent).toString() : request.url!);
    if (echoed === 'reason') response.writeHead(200, secret);
    if (echoed === 'head')
      response.writeHead(200, {
        'x-echo': secret,
        'keep-alive': secret,
        'x-b64': Buffer.from(secret).toString('base64'),
      });
    const size = Number(how.get('size') ?? '3000');
    const text = JSON.stringify({
      pad: pad(size / 2),
      secret,
      more: pad(size / 2),
      last: secret,
    });
    const body = echoed === 'body' ? text : echoed === 'end' ? `${'.'.repeat(size)}${secret}` : 'quiet';
    const coder = CODERS[how.get('coding') ?? ''];
    const bytes = coder?.encode(body) ?? Buffer.from(body);
    // Counted, not in chunks: their last empty line, come together with the head, is taken for its end, and what a stored
    // block echoes before it would be starred out under the encoding, which is refused.
    if (coder !== undefined)
      response.writeHead(200, { 'content-encoding': coder.coding, 'content-length': bytes.length });
    if (how.has('split')) {
      const middle = coder === undefined ? bytes.indexOf('secret') + 40 : bytes.length >> 1;
      response.write(bytes.subarray(0, middle));
      setTimeout(() => response.end(bytes.subarray(middle)), 5);
    } else response.end(bytes);
  });
}

/** Answers whatever comes with what it was sent, in text, in octets, in fragments and as the reason of its close. */
function echoFrames(socket: WebSocket, { url = '', headers }: IncomingMessage): void {
  const secret = headers.authorization ?? headers.cookie ?? url;
  const isEcho = url.includes('echo');
  socket.on('error', () => undefined);
  if (url.includes('early')) socket.send(secret);
  socket.on('message', () => {
    if (!isEcho) return socket.close(1000, 'quiet');
    socket.send(`${pad(1_500)}${secret}${pad(1_500)}`);
    socket.send(Buffer.from(Buffer.from(secret).toString('base64')));
    const middle = secret.length >> 1;
    socket.send(pad(40_000) + secret.slice(0, middle), { fin: false });
    socket.ping(secret.slice(0, 100));
    socket.send(secret.slice(middle), { fin: true });
    socket.close(4000, secret.slice(-100));
  });
}

/** RFC 9180 once more, written apart from the code under test, to know which bytes must not lie about. */
function deriveKeys(enc: Buffer, opening: { readonly privateKey: KeyObject; readonly publicRaw: Buffer }): Keys {
  const hmac = (key: Uint8Array, ...data: Uint8Array[]): Buffer =>
    createHmac('sha256', key).update(Buffer.concat(data)).digest();
  const v1 = Buffer.from('HPKE-v1');
  const kem = Buffer.from('KEM\x00\x20', 'latin1');
  const all = Buffer.from('HPKE\x00\x20\x00\x01\x00\x01', 'latin1');
  const zero = Buffer.alloc(32);
  const publicKey = createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), enc]),
    format: 'der',
    type: 'spki',
  });
  const dh = diffieHellman({ privateKey: opening.privateKey, publicKey });
  const eaePrk = hmac(zero, v1, kem, Buffer.from('eae_prk'), dh);
  const shared = hmac(
    eaePrk,
    Buffer.of(0, 32),
    v1,
    kem,
    Buffer.from('shared_secret'),
    enc,
    opening.publicRaw,
    Buffer.of(1),
  );
  const context = Buffer.concat([
    Buffer.of(0),
    hmac(zero, v1, all, Buffer.from('psk_id_hash')),
    hmac(zero, v1, all, Buffer.from('info_hash')),
  ]);
  const prk = hmac(shared, v1, all, Buffer.from('secret'));
  const key = hmac(prk, Buffer.of(0, 16), v1, all, Buffer.from('key'), context, Buffer.of(1)).subarray(0, 16);
  const exporter = hmac(prk, Buffer.of(0, 32), v1, all, Buffer.from('exp'), context, Buffer.of(1));
  const keeping = hmac(exporter, Buffer.of(0, 32), v1, all, Buffer.from('sec'), KEEPING, Buffer.of(1));
  return {
    exporter,
    'key for tokens': keeping,
    dh,
    'KEM PRK': eaePrk,
    'shared secret': shared,
    'schedule PRK': prk,
    'AEAD key': key,
  };
}

function count(findings: readonly Finding[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { needle } of findings) counts[needle] = (counts[needle] ?? 0) + 1;
  return counts;
}

function wholeNeedles(sealed: readonly Sealed[]): Needle[] {
  return sealed.flatMap(({ parts, keys }) => [
    ...Object.entries(parts).flatMap(([name, part]) => needlesOf(name, part)),
    ...Object.entries(keys).flatMap(([name, key]) => needlesOf(name, key).slice(0, 2)),
  ]);
}
