/** Client certificates for tests, with keys of each kind that TLS is spoken with. */
import { createPrivateKey, webcrypto, type KeyObject } from 'node:crypto';
import type { Injection } from '@dauth/protocol';
import type { TestCa } from './upstreams.test-support.ts';

export type ClientKind = 'RSA' | 'P-256' | 'Ed25519';

export interface ClientIdentity {
  /** In PEM. */
  readonly certificate: string;
  readonly key: KeyObject;
  /** PKCS #8 in PEM. */
  readonly pem: string;
}

export const MTLS: readonly Injection[] = [
  { scheme: 'mtls', certificate: '{certificate}', private_key: '{private_key}' },
];

const ALGORITHMS: Readonly<Record<ClientKind, object>> = {
  RSA: {
    ...{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2_048, publicExponent: new Uint8Array([1, 0, 1]) },
  },
  'P-256': { name: 'ECDSA', namedCurve: 'P-256' },
  Ed25519: { name: 'Ed25519' },
};

export async function issueClient(ca: TestCa, kind: ClientKind, commonName = 'client'): Promise<ClientIdentity> {
  const keys = (await webcrypto.subtle.generateKey(ALGORITHMS[kind] as never, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const { cert, key: text } = await ca.issue([], { commonName, keys });
  const key = createPrivateKey(text);
  return { certificate: cert, key, pem: key.export({ format: 'pem', type: 'pkcs8' }) as string };
}

/** Of an identity, as it is sealed. */
export function sealedFields({ certificate, pem }: ClientIdentity): Readonly<Record<string, string>> {
  return { certificate, private_key: pem };
}
