import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import { encodeEnvelopeHeader, parseEnvelope } from './envelope.ts';
import { DAuthError } from './errors.ts';
import { decodeUtf8 } from './utf8.ts';

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/envelope.json', import.meta.url), 'utf8')) as {
  accepted: { name: string; alg: string; header: string; enc: string; ciphertext: string; envelope: string }[];
  refused: {
    parse: { name: string; envelope: string; code: string }[];
    open: { name: string; envelope: string }[];
    layout: { name: string; envelope: string }[];
  };
};

for (const { name, alg, header, enc, ciphertext, envelope } of vectors.accepted) {
  test(`vector: an envelope of ${name} is taken apart`, () => {
    const parsed = parseEnvelope(envelope);
    assert.equal(parsed.header.alg, alg);
    assert.equal(decodeUtf8(decodeBase64url(parsed.protectedSegment)), header);
    assert.equal(encodeBase64url(parsed.enc), enc);
    assert.equal(encodeBase64url(parsed.ciphertext), ciphertext);
    assert.equal(encodeEnvelopeHeader(parsed.header), parsed.protectedSegment);
  });
}

for (const { name, envelope, code } of vectors.refused.parse) {
  test(`[seal.bound] vector: an envelope with ${name} is refused before anything is opened`, () => {
    assert.throws(
      () => parseEnvelope(envelope),
      (error: unknown) => error instanceof DAuthError && error.code === code,
    );
  });
}

test('what only opening refuses is well-formed', () => {
  for (const { name, envelope } of [...vectors.refused.open, ...vectors.refused.layout])
    assert.doesNotThrow(() => parseEnvelope(envelope), name);
});
