import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
  DAuthError,
  decodeBase64url,
  encodeBase64url,
  encodeEnvelopeHeader,
  joinEnvelope,
  parseEnvelope,
  SUITES,
  type EnvelopeHeader,
  type SuiteAlg,
} from '@dauth/protocol';
import { Aes128Gcm, CipherSuite, DhkemP256HkdfSha256, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import * as hpke from 'hpke';
import { layOut } from './support/calls.test-support.ts';
import { makePair } from './support/signer.test-support.ts';
import { openBase, openEnvelope, type OpeningKey } from './open.ts';
import { RFC9180_VECTORS, type HpkeVector } from './support/rfc9180.test-support.ts';

const FAILED = { name: 'DAuthError', code: 'DECRYPTION_FAILED', status: 422 };
const DATA = process.env['DAUTH_TEST_DATA'];
/** Whoever names a folder means that the vectors are run: a file that is missing in it is a failure. */
const skip = DATA === undefined ? 'DAUTH_TEST_DATA is not set' : false;

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

function privateKeyOf(alg: SuiteAlg, raw: Uint8Array, publicRaw: Uint8Array): KeyObject {
  const d = encodeBase64url(raw);
  const jwk =
    SUITES[alg].crv === 'X25519'
      ? { kty: 'OKP', crv: 'X25519', d, x: encodeBase64url(publicRaw) }
      : {
          kty: 'EC',
          crv: 'P-256',
          d,
          x: encodeBase64url(publicRaw.subarray(1, 33)),
          y: encodeBase64url(publicRaw.subarray(33)),
        };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

function keyOf(alg: SuiteAlg, raw: Uint8Array, publicRaw: Uint8Array): OpeningKey {
  return { kid: 'k', alg, privateKey: privateKeyOf(alg, raw, publicRaw), publicRaw };
}

function freshKey(alg: SuiteAlg): OpeningKey {
  const pair = makePair(SUITES[alg].crv);
  const jwk = pair.publicKey.export({ format: 'jwk' });
  const publicRaw =
    jwk.y === undefined
      ? decodeBase64url(jwk.x!)
      : Buffer.concat([Buffer.of(4), decodeBase64url(jwk.x!), decodeBase64url(jwk.y)]);
  return { kid: 'n9hjOrhXxsQ_lTMu3PqkjHgwJURHZPF3HY5p-LFEgyg', alg, privateKey: pair.privateKey, publicRaw };
}

function algOf(vector: HpkeVector): SuiteAlg | undefined {
  return Object.values(SUITES).find(
    (s) => s.kem === vector.kem_id && s.kdf === vector.kdf_id && s.aead === vector.aead_id,
  )?.alg;
}

function opensVector(vector: HpkeVector): void {
  const key = keyOf(algOf(vector)!, hex(vector.skRm), hex(vector.pkRm));
  const [first] = vector.encryptions;
  const message = {
    enc: hex(vector.enc),
    info: hex(vector.info),
    aad: hex(first!.aad),
    ciphertext: hex(first!.ct ?? first!.ciphertext!),
  };
  assert.equal(openBase(key, message).toString('hex'), first!.pt ?? first!.plaintext);
}

for (const vector of RFC9180_VECTORS) {
  test(`opens the RFC 9180 vector of ${algOf(vector)}`, () => opensVector(vector));
}

const vectorFile = join(DATA ?? '', 'hpke/rfc9180-vectors.json');
test('opens every RFC 9180 base-mode vector of our suites', { skip }, () => {
  const vectors = (JSON.parse(readFileSync(vectorFile, 'utf8')) as HpkeVector[]).filter(
    (v) => v.mode === 0 && algOf(v) !== undefined,
  );
  assert.equal(vectors.length >= 4, true, `${vectors.length} vectors`);
  vectors.forEach(opensVector);
});

const wycheproof = join(DATA ?? '', 'wycheproof/ecdh_secp256r1_ecpoint_test.json');
test('refuses every invalid P-256 point of Wycheproof, with the one error', { skip }, () => {
  const { testGroups } = JSON.parse(readFileSync(wycheproof, 'utf8')) as {
    testGroups: { tests: { public: string; result: string }[] }[];
  };
  const key = freshKey('HPKE-7');
  const invalid = testGroups.flatMap(({ tests }) => tests.filter(({ result }) => result === 'invalid'));
  assert.equal(invalid.length > 5, true);
  for (const { public: point } of invalid) {
    assert.throws(
      () => openBase(key, { enc: hex(point), info: hex(''), aad: hex(''), ciphertext: Buffer.alloc(80) }),
      FAILED,
    );
  }
});

const x25519File = join(DATA ?? '', 'wycheproof/x25519_test.json');
test('refuses every X25519 point of Wycheproof that makes an all-zero secret', { skip }, () => {
  const { testGroups } = JSON.parse(readFileSync(x25519File, 'utf8')) as {
    testGroups: { tests: { public: string; shared: string }[] }[];
  };
  const key = freshKey('HPKE-3');
  const zero = testGroups.flatMap(({ tests }) => tests.filter(({ shared }) => /^0*$/.test(shared)));
  assert.equal(zero.length > 5, true);
  for (const { public: point } of zero) {
    assert.throws(
      () => openBase(key, { enc: hex(point), info: hex(''), aad: hex(''), ciphertext: Buffer.alloc(80) }),
      FAILED,
    );
  }
});

test('refuses an all-zero X25519 public key, by which anybody could have sealed', () => {
  const key = freshKey('HPKE-3');
  assert.throws(
    () => openBase(key, { enc: Buffer.alloc(32), info: hex(''), aad: hex(''), ciphertext: Buffer.alloc(80) }),
    FAILED,
  );
});

test('refuses a P-256 point that is not on the curve, and a compressed one', () => {
  const key = freshKey('HPKE-7');
  const off = Buffer.from(key.publicRaw);
  off[64]! ^= 1;
  for (const enc of [off, Buffer.concat([Buffer.of(2), key.publicRaw.subarray(1, 33)])]) {
    assert.throws(() => openBase(key, { enc, info: hex(''), aad: hex(''), ciphertext: Buffer.alloc(80) }), FAILED);
  }
});

// --- envelopes

const PLAINTEXT = layOut({ token: 'ghp_canary_0123456789' });

function headerFor(key: OpeningKey): EnvelopeHeader {
  return {
    alg: key.alg,
    kid: key.kid,
    typ: 'dauth-credential+jwe',
    crit: ['dauth'],
    dauth: {
      handle: 'ddls:conn:01931e7a-2c4b-7abc-8def-0123456789ab',
      ver: 1,
      iss: 'https://auth.example',
      org: 'default',
      owner: 'alice',
      connection: 'github',
      servers: ['https://mcp.example/mcp'],
      allow: [{ origin: 'https://api.github.com', methods: ['GET'], paths: ['/user'] }],
      inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
      bearer: false,
      iat: 1_795_000_000,
      exp: 1_826_536_000,
    },
  } as unknown as EnvelopeHeader;
}

function suiteOf(alg: SuiteAlg): hpke.CipherSuite {
  const { crv, aead } = SUITES[alg];
  return new hpke.CipherSuite(
    crv === 'X25519' ? hpke.KEM_DHKEM_X25519_HKDF_SHA256 : hpke.KEM_DHKEM_P256_HKDF_SHA256,
    hpke.KDF_HKDF_SHA256,
    aead === 1 ? hpke.AEAD_AES_128_GCM : aead === 2 ? hpke.AEAD_AES_256_GCM : hpke.AEAD_ChaCha20Poly1305,
  );
}

async function sealWithHpke(key: OpeningKey, aad: Uint8Array): Promise<{ enc: Uint8Array; ciphertext: Uint8Array }> {
  const suite = suiteOf(key.alg);
  const publicKey = await suite.DeserializePublicKey(key.publicRaw as Uint8Array<ArrayBuffer>);
  const { encapsulatedSecret, ciphertext } = await suite.Seal(publicKey, PLAINTEXT as Uint8Array<ArrayBuffer>, {
    aad: aad as Uint8Array<ArrayBuffer>,
  });
  return { enc: encapsulatedSecret, ciphertext };
}

for (const alg of ['HPKE-0', 'HPKE-3', 'HPKE-7'] as const) {
  test(`opens an envelope of ${alg} that the hpke library sealed`, async () => {
    const key = freshKey(alg);
    const segment = encodeEnvelopeHeader(headerFor(key));
    const { enc, ciphertext } = await sealWithHpke(key, Buffer.from(segment));
    using plaintext = openEnvelope(parseEnvelope(joinEnvelope(segment, enc, ciphertext)), key);
    plaintext.lend((bytes) => assert.deepEqual(Buffer.from(bytes), PLAINTEXT));
  });
}

for (const alg of ['HPKE-0', 'HPKE-3', 'HPKE-7'] as const) {
  test(`exports of an envelope of ${alg} the key that the hpke library exports, and another one of another envelope`, async () => {
    const key = freshKey(alg);
    const segment = encodeEnvelopeHeader(headerFor(key));
    const publicKey = await suiteOf(alg).DeserializePublicKey(key.publicRaw as Uint8Array<ArrayBuffer>);
    const keys = new Set<string>();
    for (let sealed = 0; sealed < 2; sealed++) {
      const { encapsulatedSecret, ctx } = await suiteOf(alg).SetupSender(publicKey);
      const theirs = await ctx.Export(Buffer.from('dauth kept token') as Uint8Array<ArrayBuffer>, 32);
      const ciphertext = await ctx.Seal(
        PLAINTEXT as Uint8Array<ArrayBuffer>,
        Buffer.from(segment) as Uint8Array<ArrayBuffer>,
      );
      using plaintext = openEnvelope(parseEnvelope(joinEnvelope(segment, encapsulatedSecret, ciphertext)), key);
      const ours = plaintext.lendKey((bytes) => bytes.toString('hex'));
      assert.equal(ours, Buffer.from(theirs).toString('hex'));
      keys.add(ours);
    }
    assert.equal(keys.size, 2);
  });
}

test('[memory.clean] the key that came out of an opening ends with it', async () => {
  const key = freshKey('HPKE-3');
  const segment = encodeEnvelopeHeader(headerFor(key));
  const { enc, ciphertext } = await sealWithHpke(key, Buffer.from(segment));
  const plaintext = openEnvelope(parseEnvelope(joinEnvelope(segment, enc, ciphertext)), key);
  const held = plaintext.lendKey((bytes) => bytes);
  assert.ok(held.some((octet) => octet !== 0));
  plaintext[Symbol.dispose]();
  assert.ok(held.every((octet) => octet === 0));
  assert.throws(() => plaintext.lendKey(() => 0), /has ended/);
});

for (const alg of ['HPKE-0', 'HPKE-3'] as const) {
  test(`opens an envelope of ${alg} that @hpke/core sealed`, async () => {
    const key = freshKey(alg);
    const kem = alg === 'HPKE-3' ? new DhkemX25519HkdfSha256() : new DhkemP256HkdfSha256();
    const suite = new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes128Gcm() });
    const segment = encodeEnvelopeHeader(headerFor(key));
    const recipientPublicKey = await suite.kem.deserializePublicKey(key.publicRaw as Uint8Array<ArrayBuffer>);
    const sender = await suite.createSenderContext({ recipientPublicKey });
    const ciphertext = await sender.seal(PLAINTEXT as Uint8Array<ArrayBuffer>, Buffer.from(segment));
    using plaintext = openEnvelope(
      parseEnvelope(joinEnvelope(segment, new Uint8Array(sender.enc), new Uint8Array(ciphertext))),
      key,
    );
    plaintext.lend((bytes) => assert.deepEqual(Buffer.from(bytes), PLAINTEXT));
  });
}

test('refuses every flipped bit of header, encapsulated key and ciphertext with the same error', async () => {
  const key = freshKey('HPKE-3');
  const segment = encodeEnvelopeHeader(headerFor(key));
  const sealed = {
    ...(await sealWithHpke(key, Buffer.from(segment))),
    protectedSegment: segment,
    header: headerFor(key),
  };
  using plaintext = openEnvelope(sealed, key);
  plaintext.lend((bytes) => assert.deepEqual(Buffer.from(bytes), PLAINTEXT));
  const messages = new Set<string>();
  const refused = (envelope: typeof sealed): void => {
    assert.throws(
      () => openEnvelope(envelope, key),
      (error: unknown) => {
        assert.ok(error instanceof DAuthError);
        assert.equal(error.code, 'DECRYPTION_FAILED');
        assert.equal(error.cause, undefined);
        messages.add(error.message);
        return true;
      },
    );
  };
  for (const part of ['enc', 'ciphertext'] as const) {
    // The top bit of an X25519 point is ignored by RFC 7748 §5, but `enc` is in the KEM context, so it counts too.
    for (let bit = 0; bit < sealed[part].length * 8; bit++) {
      const bytes = Buffer.from(sealed[part]);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      refused({ ...sealed, [part]: bytes });
    }
  }
  for (let bit = 0; bit < segment.length * 8; bit += 5) {
    const bytes = Buffer.from(segment, 'latin1');
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    if (bytes[bit >> 3]! < 0x80) refused({ ...sealed, protectedSegment: bytes.toString('latin1') });
  }
  assert.equal(messages.size, 1);
});

test('refuses an envelope for another key id or another suite of the same key, before any arithmetic', async () => {
  const key = freshKey('HPKE-3');
  const segment = encodeEnvelopeHeader(headerFor(key));
  const sealed = parseEnvelope(
    joinEnvelope(
      segment,
      ...(Object.values(await sealWithHpke(key, Buffer.from(segment))) as [Uint8Array, Uint8Array]),
    ),
  );
  let asked = 0;
  const watched = (changes: Partial<OpeningKey>): OpeningKey => ({
    ...key,
    ...changes,
    get privateKey() {
      asked++;
      return key.privateKey;
    },
  });
  assert.throws(() => openEnvelope(sealed, watched({ kid: 'Pyv22rGl5uY-24SOA_wda7PO4bIw6bobrD1_5VgF3H4' })), FAILED);
  assert.throws(() => openEnvelope(sealed, watched({ alg: 'HPKE-4' })), FAILED);
  assert.equal(asked, 0);
});

test('hands out memory that nobody else owns', async () => {
  const key = freshKey('HPKE-3');
  const { enc, ciphertext } = await sealWithHpke(key, Buffer.from('aad'));
  const bytes = openBase(key, { enc, info: hex(''), aad: Buffer.from('aad'), ciphertext });
  assert.equal(bytes.buffer.byteLength, bytes.length);
  const shared = diffieHellman({ privateKey: key.privateKey, publicKey: createPublicKey(key.privateKey) });
  assert.equal(shared.buffer.byteLength, shared.length, 'what we zero of node:crypto is all there is');
});
