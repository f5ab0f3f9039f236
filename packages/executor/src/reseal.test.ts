/** Sealing again: opened by somebody else's HPKE, the same credential but for one field, and padded so that it never grows. */
import assert from 'node:assert/strict';
import { randomBytes, type KeyObject } from 'node:crypto';
import { before, test } from 'node:test';
import {
  DAuthError,
  decodeBase64url,
  encodeEnvelopeHeader,
  parseEnvelope,
  TYP,
  type EnvelopeHeader,
} from '@dauth/protocol';
import * as hpke from 'hpke';
import { openEnvelope, type OpeningKey } from './open.ts';
import { resealEnvelope } from './reseal.ts';
import { replaceField } from './secret/fields.ts';
import { layOut, plaintextOf } from './support/calls.test-support.ts';
import { makePair } from './support/signer.test-support.ts';

const KID = 'n9hjOrhXxsQ_lTMu3PqkjHgwJURHZPF3HY5p-LFEgyg';
const FIELDS = { secret: 'a client secret', token: 'rt-0123456789', last: 'ends with zeros\0\0' };
const NEXT = { field: 'token', value: Buffer.from('rt-another-and-a-longer-one') };

let key: OpeningKey;
let pair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
let header: EnvelopeHeader;
before(() => {
  pair = makePair('X25519');
  const publicRaw = decodeBase64url(pair.publicKey.export({ format: 'jwk' }).x!);
  key = { kid: KID, alg: 'HPKE-3', privateKey: pair.privateKey, publicRaw };
  const dauth = {
    ...{
      handle: 'ddls:conn:01931e7a-2c4b-7abc-8def-0123456789ab',
      ver: 7,
      iss: 'https://auth.example',
      org: 'default',
    },
    ...{ owner: 'ada', connection: 'mail', servers: ['https://mcp.example/mcp'], bearer: true, iat: 1, exp: 2 },
    allow: [{ origin: 'https://api.example', methods: ['GET'], paths: ['/a'], query: [] }],
    inject: [{ in: 'header', name: 'x-token', value: '{token}' }],
  };
  const said = { alg: 'HPKE-3', kid: 'A'.repeat(43), typ: TYP.credential, crit: ['dauth'], dauth };
  const segment = encodeEnvelopeHeader(said as unknown as EnvelopeHeader);
  const body = `${randomBytes(32).toString('base64url')}..${randomBytes(80).toString('base64url')}`;
  ({ header } = parseEnvelope(`${segment}.${body}.`));
});

function reseal(value = NEXT.value): string {
  using plaintext = plaintextOf(FIELDS);
  return resealEnvelope(plaintext, header, key, { field: 'token', value });
}

test("[seal.bound] somebody else's HPKE opens what was sealed again, and finds the one field replaced", async () => {
  const envelope = parseEnvelope(reseal());
  const suite = new hpke.CipherSuite(hpke.KEM_DHKEM_X25519_HKDF_SHA256, hpke.KDF_HKDF_SHA256, hpke.AEAD_AES_128_GCM);
  const jwk = pair.privateKey.export({ format: 'jwk' });
  const privateKey = await suite.DeserializePrivateKey(decodeBase64url(jwk.d!) as Uint8Array<ArrayBuffer>);
  const opened = await suite.Open(
    { privateKey, publicKey: await suite.DeserializePublicKey(key.publicRaw as Uint8Array<ArrayBuffer>) },
    envelope.enc as Uint8Array<ArrayBuffer>,
    envelope.ciphertext as Uint8Array<ArrayBuffer>,
    { aad: Buffer.from(envelope.protectedSegment) as Uint8Array<ArrayBuffer> },
  );
  assert.deepEqual(Buffer.from(opened), layOut({ ...FIELDS, token: NEXT.value }));
});

test('[seal.bound] only version, key and algorithm of the header change', () => {
  const { header: next } = parseEnvelope(reseal());
  assert.deepEqual(next, { ...header, kid: KID, dauth: { ...header.dauth, ver: 8 } });
});

test('[seal.bound] each sealing has an encapsulated key of its own, and opens here', () => {
  const sealed = Array.from({ length: 20 }, () => parseEnvelope(reseal()));
  assert.equal(new Set(sealed.map(({ enc }) => Buffer.from(enc).toString('hex'))).size, 20);
  for (const envelope of sealed) {
    using plaintext = openEnvelope(envelope, key);
    plaintext.lend((bytes) => assert.deepEqual(Buffer.from(bytes), layOut({ ...FIELDS, token: NEXT.value })));
  }
});

test('[seal.bound] to a key of another suite nothing is sealed', () => {
  using plaintext = plaintextOf(FIELDS);
  const other = { ...key, alg: 'HPKE-7' } as const;
  assert.throws(() => resealEnvelope(plaintext, header, other, NEXT), /HPKE-3 only/);
});

test('a plaintext has the size of its fields, however often one of them is replaced', () => {
  let plaintext = layOut(FIELDS);
  for (let round = 0; round < 40; round++) {
    const value = `rt-${'x'.repeat(10 + ((round * 7) % 90))}`;
    plaintext = replaceField(plaintext, 'token', Buffer.from(value));
    assert.deepEqual(plaintext, layOut({ ...FIELDS, token: value }));
  }
  for (const field of ['secret', 'last'])
    assert.deepEqual(replaceField(layOut(FIELDS), field, NEXT.value), layOut({ ...FIELDS, [field]: NEXT.value }));
});

test('a field that is not there, an empty value and one that is too large are refused', () => {
  const refused = (field: string, length: number) =>
    assert.throws(
      () => replaceField(layOut(FIELDS), field, Buffer.alloc(length, 0x61)),
      (error: unknown) => error instanceof DAuthError && error.code === 'DECRYPTION_FAILED',
    );
  refused('other', 9);
  refused('token', 0);
  refused('token', 65_536);
  refused('token', 65_500);
});
