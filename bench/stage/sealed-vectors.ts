/** The published envelopes, one of each suite, with the keys that open them: inputs that never change. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseEnvelope, type Envelope, type SuiteAlg } from '@dauth/protocol';

/** The recipient's key, as the executor holds one. */
export interface RecipientKey {
  readonly kid: string;
  readonly alg: SuiteAlg;
  readonly privateKey: KeyObject;
  /** RFC 9180 `SerializePublicKey`, and `SerializePrivateKey`. */
  readonly publicRaw: Buffer;
  readonly privateRaw: Buffer;
  /** As a directory publishes it. */
  readonly jwk: Readonly<Record<string, string>>;
}

export interface SealedVector {
  readonly text: string;
  readonly envelope: Envelope;
  readonly key: RecipientKey;
  readonly plaintext: Buffer;
  readonly sealProof?: string;
}

interface Written {
  readonly alg: SuiteAlg;
  readonly recipient: Readonly<Record<'kty' | 'crv' | 'x' | 'd' | 'kid', string>> & { readonly y?: string };
  readonly envelope: string;
  readonly plaintext: string;
  readonly seal_proof?: string;
}

export async function readSealed(): Promise<readonly SealedVector[]> {
  const { accepted } = await readVectors<{ readonly accepted: readonly Written[] }>('envelope');
  return accepted.map(({ alg, recipient, envelope: text, plaintext, seal_proof: sealProof }) => {
    const { kty, crv, x, y, d, kid } = recipient;
    const points = [x, y ?? ''].map((each) => Buffer.from(each, 'base64url'));
    const jwk = { kty, crv, x, ...(y === undefined ? {} : { y }) };
    return {
      ...{ text, envelope: parseEnvelope(text), plaintext: Buffer.from(plaintext, 'hex') },
      ...(sealProof === undefined ? {} : { sealProof }),
      key: {
        ...{ kid, alg, jwk, privateKey: createPrivateKey({ key: { ...jwk, d }, format: 'jwk' }) },
        publicRaw: Buffer.concat(y === undefined ? points : [Buffer.of(4), ...points]),
        privateRaw: Buffer.from(d, 'base64url'),
      },
    };
  });
}

export async function readVectors<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`../../../vectors/${name}.json`, import.meta.url), 'utf8')) as T;
}
