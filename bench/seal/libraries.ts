/** RFC 9180 as others have written it, both on WebCrypto: what one would take who does not compose it. */
import { SUITES } from '@dauth/protocol';
import { Aes128Gcm, Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import * as hpke from 'hpke';
import type { RecipientKey, SealedVector } from '../stage/sealed-vectors.ts';

export interface Library {
  readonly seal: () => Promise<unknown>;
  readonly open: () => Promise<unknown>;
}

type Octets = Uint8Array<ArrayBuffer>;

const [CHACHA20_POLY1305, AES_128_GCM] = [3, 1];

/** @throws where the runtime's WebCrypto lacks the suite */
export async function withHpke({ envelope, key, plaintext }: SealedVector): Promise<Library> {
  const { crv, aead } = SUITES[key.alg];
  const suite = new hpke.CipherSuite(
    crv === 'X25519' ? hpke.KEM_DHKEM_X25519_HKDF_SHA256 : hpke.KEM_DHKEM_P256_HKDF_SHA256,
    hpke.KDF_HKDF_SHA256,
    aead === AES_128_GCM
      ? hpke.AEAD_AES_128_GCM
      : aead === CHACHA20_POLY1305
        ? hpke.AEAD_ChaCha20Poly1305
        : hpke.AEAD_AES_256_GCM,
  );
  const { publicRaw, privateRaw, aad, enc, ciphertext } = octetsOf(key, envelope);
  const pair = {
    publicKey: await suite.DeserializePublicKey(publicRaw),
    privateKey: await suite.DeserializePrivateKey(privateRaw),
  };
  const library = {
    seal: () => suite.Seal(pair.publicKey, plaintext as Octets, { aad }),
    open: () => suite.Open(pair, enc, ciphertext, { aad }),
  };
  await library.seal();
  return library;
}

/** @returns nothing for the suite whose AEAD is a package of its own */
export async function withHpkeCore({ envelope, key, plaintext }: SealedVector): Promise<Library | undefined> {
  const { crv, aead } = SUITES[key.alg];
  if (aead === CHACHA20_POLY1305) return undefined;
  const suite = new CipherSuite({
    kem: crv === 'X25519' ? new DhkemX25519HkdfSha256() : new DhkemP256HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: aead === AES_128_GCM ? new Aes128Gcm() : new Aes256Gcm(),
  });
  const { publicRaw, privateRaw, aad, enc, ciphertext } = octetsOf(key, envelope);
  const recipientPublicKey = await suite.kem.deserializePublicKey(publicRaw);
  const recipientKey = {
    publicKey: recipientPublicKey,
    privateKey: await suite.kem.deserializePrivateKey(privateRaw),
  };
  return {
    seal: async () => {
      const sender = await suite.createSenderContext({ recipientPublicKey });
      return sender.seal(plaintext as Octets, aad);
    },
    open: async () => {
      const recipient = await suite.createRecipientContext({ recipientKey, enc });
      return recipient.open(ciphertext, aad);
    },
  };
}

function octetsOf({ publicRaw, privateRaw }: RecipientKey, envelope: SealedVector['envelope']) {
  const { protectedSegment, enc, ciphertext } = envelope;
  const aad = new TextEncoder().encode(protectedSegment);
  const own = (octets: Uint8Array): Octets => Uint8Array.from(octets);
  return {
    ...{ publicRaw: own(publicRaw), privateRaw: own(privateRaw), aad },
    ...{ enc: own(enc), ciphertext: own(ciphertext) },
  };
}
