/** Proofs of the ring, as the executor would look at them. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { EmbeddedJWK, jwtVerify } from 'jose';
import { makeSigner } from './proofs.ts';

test('a proof is signed by its own key for its request and token, and no other one has its id', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ format: 'jwk' }) as Record<string, string>;
  const htu = 'http://127.0.0.1:1/connections/x/1024';
  const prove = makeSigner({ key, token: 'a token', htu }, 'GET');
  const [first, second] = await Promise.all(
    [prove(), prove()].map((proof) => jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt', algorithms: ['ES256'] })),
  );
  const { jwk } = first!.protectedHeader;
  assert.deepEqual(jwk, { kty: 'EC', crv: 'P-256', x: key.x, y: key.y });
  const { htm, htu: said, ath } = first!.payload;
  assert.deepEqual([htm, said, ath], ['GET', htu, createHash('sha256').update('a token').digest('base64url')]);
  assert.notEqual(first!.payload.jti, second!.payload.jti);
});
