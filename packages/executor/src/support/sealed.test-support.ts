/** Seals as a client does: to a key, under a header that is bound to it, by a library that the executor does not use. */
import { encodeEnvelopeHeader, joinEnvelope, TYP, type EnvelopeHeader } from '@dauth/protocol';
import * as hpke from 'hpke';
import type { OpeningKey } from '../open.ts';
import { layOut } from './calls.test-support.ts';

/** What stands in every header besides the policy. */
const KIND = { typ: TYP.credential, crit: ['dauth'] };

/** @param dauth the policy, right or not */
export async function sealCompact(
  { kid, alg, publicRaw }: Pick<OpeningKey, 'kid' | 'alg' | 'publicRaw'>,
  dauth: object,
  fields: Readonly<Record<string, string | Uint8Array>>,
): Promise<{ readonly envelope: string; readonly enc: Uint8Array }> {
  const segment = encodeEnvelopeHeader({ alg, kid, ...KIND, dauth } as unknown as EnvelopeHeader);
  const suite = new hpke.CipherSuite(hpke.KEM_DHKEM_X25519_HKDF_SHA256, hpke.KDF_HKDF_SHA256, hpke.AEAD_AES_128_GCM);
  const key = await suite.DeserializePublicKey(publicRaw as Uint8Array<ArrayBuffer>);
  const plaintext = layOut(fields) as Uint8Array as Uint8Array<ArrayBuffer>;
  const aad = Buffer.from(segment) as Uint8Array<ArrayBuffer>;
  const { encapsulatedSecret: enc, ciphertext } = await suite.Seal(key, plaintext, { aad });
  return { envelope: joinEnvelope(segment, enc, ciphertext), enc };
}
