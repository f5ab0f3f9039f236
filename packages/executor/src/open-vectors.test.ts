import assert from 'node:assert/strict';
import { createPrivateKey, type JsonWebKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DAuthError, decodeBase64url, parseEnvelope, type SuiteAlg } from '@dauth/protocol';
import { Aes128Gcm, Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { readFields } from './secret/fields.ts';
import { openEnvelope, type OpeningKey } from './open.ts';

const isCode = (code: string) => (error: unknown) => error instanceof DAuthError && error.code === code;

type Key = JsonWebKey & { kid: string; alg: SuiteAlg; x: string; d: string };
const envelopes = JSON.parse(readFileSync(new URL('../../../vectors/envelope.json', import.meta.url), 'utf8')) as {
  accepted: {
    name: string;
    alg: SuiteAlg;
    recipient: Key;
    ephemeral: Key;
    plaintext: string;
    enc: string;
    ciphertext: string;
    envelope: string;
    fields: Record<string, string>;
  }[];
  refused: {
    open: { name: string; alg: SuiteAlg; envelope: string; code: string }[];
    layout: { name: string; envelope: string; plaintext: string; fields: string[]; code: string }[];
  };
};

const rawOf = ({ x, y }: { x: string; y?: string | undefined }): Buffer<ArrayBuffer> =>
  y === undefined
    ? Buffer.from(decodeBase64url(x))
    : Buffer.concat([Buffer.of(4), decodeBase64url(x), decodeBase64url(y)]);

function keyFor(alg: SuiteAlg): OpeningKey {
  const { recipient } = envelopes.accepted.find((vector) => vector.alg === alg)!;
  const privateKey = createPrivateKey({ key: recipient, format: 'jwk' });
  return { kid: recipient.kid, alg, privateKey, publicRaw: rawOf(recipient) };
}

for (const { name, alg, envelope, plaintext, fields } of envelopes.accepted) {
  test(`vector: an envelope of ${name} opens to its plaintext and fields`, () => {
    using opened = openEnvelope(parseEnvelope(envelope), keyFor(alg));
    opened.lend((bytes) => {
      assert.equal(bytes.toString('hex'), plaintext);
      const values = [...readFields(bytes, new Set(Object.keys(fields)))].map(([key, value]) => [
        key,
        value.toString('hex'),
      ]);
      assert.deepEqual(Object.fromEntries(values), fields);
    });
  });
}

for (const vector of envelopes.accepted.filter(({ alg }) => alg !== 'HPKE-4')) {
  test(`vector: another library seals the same octets of ${vector.name} from the same keys`, async () => {
    const { alg, recipient, ephemeral, plaintext, enc, ciphertext, envelope } = vector;
    const kem = alg === 'HPKE-3' ? new DhkemX25519HkdfSha256() : new DhkemP256HkdfSha256();
    const aead = alg === 'HPKE-7' ? new Aes256Gcm() : new Aes128Gcm();
    const suite = new CipherSuite({ kem, kdf: new HkdfSha256(), aead });
    const ekm = {
      privateKey: await suite.kem.deserializePrivateKey(Buffer.from(decodeBase64url(ephemeral.d))),
      publicKey: await suite.kem.deserializePublicKey(rawOf(ephemeral)),
    };
    const recipientPublicKey = await suite.kem.deserializePublicKey(rawOf(recipient));
    const sender = await suite.createSenderContext({ recipientPublicKey, ekm });
    const aad = Buffer.from(envelope.split('.', 1)[0]!, 'ascii');
    const sealed = await sender.seal(Buffer.from(plaintext, 'hex'), aad);
    assert.equal(Buffer.from(sender.enc).toString('base64url'), enc);
    assert.equal(Buffer.from(sealed).toString('base64url'), ciphertext);
  });
}

for (const { name, alg, envelope, code } of envelopes.refused.open) {
  test(`[seal.bound] vector: an envelope of ${alg} with ${name} does not open`, () => {
    assert.throws(() => openEnvelope(parseEnvelope(envelope), keyFor(alg)), isCode(code));
  });
}

for (const { name, envelope, plaintext, fields, code } of envelopes.refused.layout) {
  test(`[seal.bound] vector: a plaintext with ${name} opens, and is refused`, () => {
    using opened = openEnvelope(parseEnvelope(envelope), keyFor('HPKE-3'));
    opened.lend((bytes) => {
      assert.equal(bytes.toString('hex'), plaintext);
      assert.throws(() => readFields(bytes, new Set(fields)), isCode(code));
    });
  });
}
