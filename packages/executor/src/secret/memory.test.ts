import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { createHmac, createPublicKey, diffieHellman, randomBytes, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';
import {
  decodeBase64url,
  encodeEnvelopeHeader,
  injectedFields,
  joinEnvelope,
  type EnvelopeHeader,
  type Injection,
} from '@dauth/protocol';
import * as hpke from 'hpke';
import { layOut } from '../support/calls.test-support.ts';
import type { CallOrder, Order } from '../support/memory.child.test-support.ts';
import {
  canLook,
  findInMemory,
  needlesOf,
  piecesOf,
  type Finding,
  type Needle,
} from '../support/scanner.test-support.ts';
import { makePair } from '../support/signer.test-support.ts';
import { serveHttps, TestCa, type TestServer } from '../support/upstreams.test-support.ts';

const KID = 'n9hjOrhXxsQ_lTMu3PqkjHgwJURHZPF3HY5p-LFEgyg';
const CALLS = 320;
/** By name: its content encoding and how to encode. Stored blocks hold the body as it is. */
const CODERS: Record<string, { coding: string; encode: (body: string) => Buffer }> = {
  gzip: { coding: 'gzip', encode: gzipSync },
  deflate: { coding: 'deflate', encode: deflateSync },
  stored: { coding: 'deflate', encode: (body) => deflateSync(body, { level: 0 }) },
};

let child: ChildProcess;
let server: TestServer;
let opening: { privateKey: KeyObject; publicRaw: Buffer };
let forbidden: string | null;
let saw = 0;

/** As hard to compress as a credential, in other letters: eight hex digits of one are found by chance in megabytes of them. */
function pad(length: number): string {
  return randomBytes(length / 2)
    .toString('hex')
    .replaceAll(/./g, (digit) => 'ghijklmnopqrstuv'[Number.parseInt(digit, 16)]!);
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  saw++;
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

async function tell(order: Order): Promise<unknown> {
  child.send(order);
  const [answer] = (await once(child, 'message')) as [{ done?: unknown; failed?: string }];
  assert.equal(answer.failed, undefined);
  return answer.done;
}

interface Sealed {
  readonly envelope: string;
  readonly secret: Buffer;
  readonly keys: Readonly<Record<string, Buffer>>;
}

let made = 0;
async function seal(inject: readonly Injection[], prefix = 'ghp_'): Promise<Sealed> {
  const secret = Buffer.from(`${prefix}${randomBytes(18).toString('hex')}`);
  const header = {
    alg: 'HPKE-3',
    kid: KID,
    typ: 'dauth-credential+jwe',
    crit: ['dauth'],
    dauth: {
      handle: `ddls:conn:01931e7a-2c4b-7abc-8def-${String(made++).padStart(12, '0')}`,
      ver: 1,
      iss: 'https://auth.example',
      org: 'default',
      owner: 'alice',
      connection: 'api',
      servers: ['https://mcp.example/mcp'],
      allow: [{ origin: 'https://api.example', methods: ['POST'], paths: ['/**'] }],
      inject,
      bearer: false,
      iat: 1_795_000_000,
      exp: 1_826_536_000,
    },
  } as unknown as EnvelopeHeader;
  const segment = encodeEnvelopeHeader(header);
  const suite = new hpke.CipherSuite(hpke.KEM_DHKEM_X25519_HKDF_SHA256, hpke.KDF_HKDF_SHA256, hpke.AEAD_AES_128_GCM);
  const publicKey = await suite.DeserializePublicKey(opening.publicRaw as Buffer<ArrayBuffer>);
  // Long, so that it is opened in more than one piece.
  const second = injectedFields(inject).has('second') ? Buffer.from(randomBytes(450).toString('base64')) : null;
  const fields = { token: secret, ...(second === null ? {} : { second }) };
  const plaintext = layOut(fields) as Buffer<ArrayBuffer>;
  const sealed = await suite.Seal(publicKey, plaintext, { aad: Buffer.from(segment) as Buffer<ArrayBuffer> });
  const enc = sealed.encapsulatedSecret;
  const keys = { ...deriveKeys(Buffer.from(enc)), ...(second === null ? {} : { 'second field': second }) };
  return { envelope: joinEnvelope(segment, enc, sealed.ciphertext), secret, keys };
}

/** RFC 9180 once more, written apart from the code under test, to know which bytes must not lie about. */
function deriveKeys(enc: Buffer): Record<string, Buffer> {
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
  return { dh, 'KEM PRK': eaePrk, 'shared secret': shared, 'schedule PRK': prk, 'AEAD key': key };
}

before(async () => {
  const pair = makePair('X25519');
  opening = {
    privateKey: pair.privateKey,
    publicRaw: Buffer.from(decodeBase64url(pair.publicKey.export({ format: 'jwk' }).x!)),
  };
  const ca = await TestCa.create();
  server = await serveHttps(await ca.issue([{ type: 'dns', value: 'localhost' }]), echo);
  child = fork(new URL('../support/memory.child.test-support.js', import.meta.url), { stdio: 'inherit' });
  forbidden = canLook(child.pid!);
  const key = pair.privateKey.export({ format: 'jwk' });
  await tell({ kind: 'setup', ca: ca.pem, key, kid: KID, alg: 'HPKE-3', publicRaw: opening.publicRaw.toString('hex') });
});

after(async () => {
  child.kill();
  await once(child, 'exit');
  await server[Symbol.asyncDispose]();
});

function count(findings: readonly Finding[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { needle } of findings) counts[needle] = (counts[needle] ?? 0) + 1;
  return counts;
}

function wholeNeedles(sealed: readonly Sealed[]): Needle[] {
  return sealed.flatMap(({ secret, keys }) => [
    ...needlesOf('credential', secret),
    ...Object.entries(keys).flatMap(([name, key]) => needlesOf(name, key).slice(0, 2)),
  ]);
}

interface Case {
  readonly name: string;
  readonly inject: readonly Injection[];
  readonly calls: readonly Partial<CallOrder>[];
  /** What the credential begins with. */
  readonly prefix?: string;
}

/** A caller's body for a slot in it, buffered and streamed, in one TLS record and in many, and echoed. */
function bodies(type: string, small: string, large: string): readonly Partial<CallOrder>[] {
  const order = { method: 'POST', type };
  return [
    { ...order, body: small },
    { ...order, body: small, stream: true },
    { ...order, body: large },
    { ...order, body: large, stream: true },
    { ...order, body: small, target: '/?echo=body&split' },
  ];
}

const PADDING = 'x'.repeat(90_000);
const CASES: readonly Case[] = [
  {
    name: 'GET and POST, buffered and streamed',
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
    calls: [{}, { method: 'POST', body: 'data'.repeat(500) }, { method: 'POST', body: 'data', stream: true }],
  },
  { name: 'basic', inject: [{ in: 'basic', user: 'robot', pass: '{token}' }], calls: [{}] },
  { name: 'basic, of two long fields', inject: [{ in: 'basic', user: '{second}', pass: '{token}' }], calls: [{}] },
  {
    name: 'query, path and cookie at once',
    inject: [
      { in: 'query', name: 'key', value: '{token}' },
      { in: 'path', segment: 0, value: 'bot{token}' },
      { in: 'cookie', name: 'sid', value: '{token}' },
    ],
    calls: [{}],
  },
  {
    name: 'in a JSON body, buffered and streamed',
    inject: [{ in: 'body', pointer: '/auth/key', value: 'Bearer {token}' }],
    calls: bodies('application/json', '{"auth":{}}', `{"pad":"${PADDING}","auth":{"id":1}}`),
    // Written with escapes there.
    prefix: 'g"h\\p_',
  },
  {
    name: 'in a form, buffered and streamed',
    inject: [{ in: 'body', field: 'client_secret', value: 'k {token}' }],
    calls: bodies('application/x-www-form-urlencoded', 'a=1', `a=1&pad=${PADDING}`),
    prefix: 'g&h=p_',
  },
  {
    name: 'echoed in the body',
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
    calls: [{ target: '/?echo=body&split' }, { target: '/?echo=body' }],
  },
  {
    name: 'echoed in header values and the reason phrase',
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
    calls: [{ target: '/?echo=head' }, { target: '/?echo=reason' }],
  },
  {
    // A cipher keeps the last block that it did not fill: 16 octets, and every place of the secret's end in them.
    name: 'echoed at the end of the body',
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
    calls: Array.from({ length: 16 }, (_, size) => ({ target: `/?echo=end&size=${size}` })),
  },
  ...Object.keys(CODERS).map((coding) => ({
    name: `echoed in a body in ${coding}`,
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }] as Injection[],
    calls: ['', '&split', '&split&size=20000', '&size=200000'].map((how) => ({
      target: `/?echo=body&coding=${coding}${how}`,
    })),
  })),
];

for (const { name, inject, calls, prefix } of CASES) {
  test(`[memory.clean] leaves no copy of a credential or its keys: ${name}`, async (t) => {
    if (forbidden !== null) return t.skip(forbidden);
    const sealed = [await seal(inject, prefix), await seal(inject, prefix)];
    const orders = Array.from({ length: CALLS }, (_, i): CallOrder => ({
      origin: server.origin,
      envelope: sealed[i % 2]!.envelope,
      method: 'GET',
      target: '/',
      ver: 1,
      ...calls[i % calls.length],
    }));
    const before = saw;
    const running = tell({ kind: 'calls', calls: orders, parallel: 8 });
    const during: Finding[] = [];
    let looks = 0;
    let done = false;
    void running.finally(() => (done = true));
    while (!done) {
      await sleep(20);
      if (looks < 3) during.push(...(await findInMemory(child.pid!, wholeNeedles(sealed).slice(0, 4))));
      looks++;
    }
    await running;
    assert.equal(saw - before, CALLS, 'every call reached the upstream');
    await sleep(1_050);
    const rest = await findInMemory(child.pid!, wholeNeedles(sealed));
    const pieces = await findInMemory(
      child.pid!,
      sealed.flatMap(({ secret, keys }) => [
        ...piecesOf('credential', secret),
        ...Object.entries(keys).flatMap(([name, key]) => piecesOf(name, key)),
      ]),
    );
    t.diagnostic(
      `whole copies while running (first looks): ${during.length}; 1 s after: ${rest.length}; pieces of 8 octets 1 s after: ${pieces.length}`,
    );
    if (rest.length + pieces.length > 0)
      t.diagnostic(JSON.stringify([count(rest), rest.slice(0, 6), count(pieces), pieces.slice(0, 4)], null, 1));
    assert.deepEqual(count(rest), {});
    assert.deepEqual(count(pieces), {});
  });
}

test('[memory.clean] the opening key is there as often after a load as before it', async (t) => {
  if (forbidden !== null) return t.skip(forbidden);
  const key = Buffer.from(opening.privateKey.export({ format: 'jwk' }).d!, 'base64url');
  const look = async (): Promise<number> => (await findInMemory(child.pid!, needlesOf('opening key', key))).length;
  const { envelope } = await seal([{ in: 'header', name: 'authorization', value: 'Bearer {token}' }]);
  const orders = Array.from({ length: CALLS }, (): CallOrder => ({
    origin: server.origin,
    envelope,
    method: 'GET',
    target: '/',
    ver: 1,
  }));
  // The cases above were load enough for whatever is made once.
  const before = await look();
  assert.ok(before > 0, 'the look did not find the key that the process opens with');
  await tell({ kind: 'calls', calls: orders, parallel: 8 });
  await sleep(1_050);
  const after = await look();
  t.diagnostic(`copies of the opening key before: ${before}, after: ${after}`);
  assert.ok(after <= before, `${before} before, ${after} after`);
});

test('[memory.clean] the look is able to find a copy (positive control)', async (t) => {
  if (forbidden !== null) return t.skip(forbidden);
  const control = randomBytes(24);
  assert.equal((await findInMemory(child.pid!, [{ name: 'control', bytes: control }])).length, 0);
  await tell({ kind: 'plant', hex: control.toString('hex') });
  assert.ok((await findInMemory(child.pid!, [{ name: 'control', bytes: control }])).length > 0);
});
