/** Every key that would open an envelope again (RFC 9180). Only for the proofs of `memory.clean`. */
import { createHmac, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';

const KEEPING = Buffer.from('dauth kept token');

/** RFC 9180 once more, written apart from the code under test, to know which bytes must not lie about. */
export function deriveKeys(
  enc: Buffer,
  opening: { readonly privateKey: KeyObject; readonly publicRaw: Buffer },
): Readonly<Record<string, Buffer>> {
  const hmac = (key: Uint8Array, ...data: Uint8Array[]): Buffer =>
    createHmac('sha256', key).update(Buffer.concat(data)).digest();
  const v1 = Buffer.from('HPKE-v1');
  const kem = Buffer.from('KEM\x00\x20', 'latin1');
  const all = Buffer.from('HPKE\x00\x20\x00\x01\x00\x01', 'latin1');
  const zero = Buffer.alloc(32);
  const publicKey = createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), enc]),
    format: 'der',
    type: 'spki',
  });
  const dh = diffieHellman({ privateKey: opening.privateKey, publicKey });
  const eaePrk = hmac(zero, v1, kem, Buffer.from('eae_prk'), dh);
  const shared = hmac(
    eaePrk,
    Buffer.of(0, 32),
    v1,
    kem,
    Buffer.from('shared_secret'),
    enc,
    opening.publicRaw,
    Buffer.of(1),
  );
  const context = Buffer.concat([
    Buffer.of(0),
    hmac(zero, v1, all, Buffer.from('psk_id_hash')),
    hmac(zero, v1, all, Buffer.from('info_hash')),
  ]);
  const prk = hmac(shared, v1, all, Buffer.from('secret'));
  const key = hmac(prk, Buffer.of(0, 16), v1, all, Buffer.from('key'), context, Buffer.of(1)).subarray(0, 16);
  const exporter = hmac(prk, Buffer.of(0, 32), v1, all, Buffer.from('exp'), context, Buffer.of(1));
  const keeping = hmac(exporter, Buffer.of(0, 32), v1, all, Buffer.from('sec'), KEEPING, Buffer.of(1));
  return {
    exporter,
    'key for tokens': keeping,
    dh,
    'KEM PRK': eaePrk,
    'shared secret': shared,
    'schedule PRK': prk,
    'AEAD key': key,
  };
}
