/** An executor as tests play it: an identity, opening keys, and directories signed as a test likes. Never part of the package. */
import { encodeBase64url, parsePublicJwk, SUITES, thumbprintInput, TYP, type SuiteAlg } from '@dauth/protocol';
import { CompactSign, exportJWK, type JWK } from 'jose';
import { generateKey, sha256, type ClientKey } from './key.ts';

export interface Executor {
  readonly identity: ClientKey;
  readonly openingPrivate: CryptoKey;
  readonly claims: Record<string, unknown>;
  /** A directory with these claims and header members instead. */
  sign(claims?: Record<string, unknown>, header?: Record<string, unknown>, by?: ClientKey): Promise<string>;
}

export const NOW = 1_800_000_000;

export async function makeExecutor(alg: SuiteAlg = 'HPKE-3'): Promise<Executor> {
  const identity = await generateKey();
  const algorithm = SUITES[alg].kty === 'OKP' ? 'X25519' : { name: 'ECDH', namedCurve: 'P-256' };
  const pair = (await crypto.subtle.generateKey(algorithm, true, ['deriveBits'])) as CryptoKeyPair;
  const jwk = parsePublicJwk(publicOnly(await exportJWK(pair.publicKey)));
  const kid = await sha256(thumbprintInput(jwk));
  const key = { ...jwk, kid, alg, nbf: NOW - 100, exp: NOW + 1_000_000 };
  const claims = {
    ...{ iss: 'https://executor.example', resource: 'https://executor.example', seq: 5, keys: [key] },
    ...{ evidence: { level: 'software' }, iat: NOW - 10, exp: NOW + 80_000 },
  };
  return {
    identity,
    openingPrivate: pair.privateKey,
    claims,
    sign: (over = {}, header = {}, by = identity) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify({ ...claims, ...over })))
        .setProtectedHeader({ typ: TYP.directory, alg: 'ES256', jwk: { ...by.jwk }, ...header })
        .sign(by.privateKey),
  };
}

function publicOnly({ kty, crv, x, y }: JWK): object {
  return { kty, crv, x, ...(y === undefined ? {} : { y }) };
}

/** The same JWS with another header; its signature is left as it was. */
export function replaceHeader(jws: string, header: object): string {
  return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...jws.split('.').slice(1)].join('.');
}

/** The same JWS with one octet of its signature changed. */
export function breakSignature(jws: string): string {
  const [header, payload, signature] = jws.split('.') as [string, string, string];
  const octets = Buffer.from(signature, 'base64url');
  octets[0]! ^= 1;
  return `${header}.${payload}.${encodeBase64url(octets)}`;
}
