/** Sealing as an owner's device does it, whole: the header, the ciphertext, the signature, and the reading back. */
import { fetchExecutor, generateKey, MemorySeqStore, seal, type SealedCredential } from '@dauth/client';
import { parseEnvelope } from '@dauth/protocol';
import { generateKeyPair, exportJWK, calculateJwkThumbprint } from 'jose';
import { makeJws } from '../load/jws.ts';
import type { Jwk } from '../stage/registered.ts';
import type { SealedVector } from '../stage/sealed-vectors.ts';

const VALUE = 'sk_0123456789abcdef0123456789abcdef';
const HOUR = 3_600;

/** Seals one credential after another to that key, under a policy like the published one. */
export async function makeSeal({ envelope, key }: SealedVector): Promise<() => Promise<SealedCredential>> {
  const { issuer, identity, directory } = await publish(key);
  const executor = await fetchExecutor({
    ...{ url: issuer, identities: [identity], seqStore: new MemorySeqStore() },
    fetch: () => Promise.resolve(new Response(directory)),
  });
  const device = await generateKey();
  const { iss, owner, connection, servers, allow } = envelope.header.dauth;
  const expiresAt = Math.floor(Date.now() / 1_000) + HOUR;
  const inject = [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }] as const;
  const policy = { issuer: iss, owner, connection, servers, allow, inject, expiresAt };
  const once = () => seal({ executor, key: device, fields: { token: Buffer.from(VALUE) }, policy });
  const { alg } = parseEnvelope((await once()).envelope).header;
  if (alg !== key.alg) throw new Error(`sealed by ${alg} in the place of ${key.alg}`);
  return once;
}

/** A directory of that one key, so that no other is chosen. */
async function publish({ alg, kid, jwk }: SealedVector['key']) {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const secret = (await exportJWK(privateKey)) as Jwk;
  const shown = { kty: secret.kty, crv: secret.crv, x: secret.x, y: secret.y };
  const issuer = 'https://executor.example';
  const iat = Math.floor(Date.now() / 1_000);
  const published = { ...jwk, kid, alg, nbf: iat, exp: iat + HOUR };
  const directory = makeJws(secret)(
    { typ: 'dauth-executor+jws', jwk: shown },
    {
      ...{ iss: issuer, resource: issuer, seq: 1, keys: [published] },
      ...{ evidence: { level: 'software' }, iat, exp: iat + HOUR },
    },
  );
  return { issuer, directory, identity: await calculateJwkThumbprint(shown as object as Jwk) };
}
