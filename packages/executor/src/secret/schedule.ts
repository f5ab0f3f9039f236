/**
 * RFC 9180 on `node:crypto`, the receiver's half: from an encapsulated key to what its one message is encrypted with.
 * Never opens or seals, and every intermediate is zeroed.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { encodeBase64url, SUITES, type Suite } from '@dauth/protocol';
import type { OpeningKey } from '../open.ts';
import { copyOctets, ownedBytes, ownedConcat, wipe } from './memory.ts';
import { agree, mac } from './native.ts';

const EMPTY = new Uint8Array(0);
const MODE_BASE = Uint8Array.of(0);
/** What a key is exported for (RFC 9180 §5.3): tokens kept under it, between two openings. */
const KEEPING = Buffer.from('dauth kept token', 'ascii');
const HASH = 'sha256';
const LENGTH = 32;
const NONCE = 12;
/** SEC 1 §2.3.3: what the octets of a point begin with that is written with both its coordinates. */
const UNCOMPRESSED = 4;

/** What a message is encrypted with: owned memory which the caller zeroes. */
export interface MessageKeys {
  readonly aeadKey: Buffer;
  readonly nonce: Buffer;
}

/**
 * The keys of RFC 9180 §5.1 for one encapsulated key.
 * @param exported is filled with what §5.3 there exports for kept tokens, where it is given
 * @throws where it is no encapsulated key
 */
export function keysOf(key: OpeningKey, enc: Uint8Array, info: Uint8Array = EMPTY, exported?: Buffer): MessageKeys {
  const suite = SUITES[key.alg];
  const shared = decap(suite, key, enc);
  const id = suiteId('HPKE', suite.kem, suite.kdf, suite.aead);
  const context = info.length === 0 ? plainContext(suite, id) : keyScheduleContext(id, info);
  const secret = labeledExtract(id, shared, 'secret', EMPTY);
  const aeadKey = labeledExpand(id, secret, 'key', context, suite.key);
  const nonce = labeledExpand(id, secret, 'base_nonce', context, NONCE);
  if (exported !== undefined) exportInto(exported, id, secret, context);
  wipe(shared, secret);
  return { aeadKey, nonce };
}

/** RFC 9180 §4.1 `Decap` of DHKEM. */
function decap(suite: Suite, key: OpeningKey, enc: Uint8Array): Buffer {
  if (enc.length !== suite.enc) throw new TypeError('length');
  const dh = agree(key.privateKey, importEncapsulated(suite, enc));
  try {
    // RFC 9180 §7.1.4, RFC 7748 §6.1: a small-order point would make the shared secret the same for everybody.
    if (dh.every((octet) => octet === 0)) throw new TypeError('zero');
    const id = suiteId('KEM', suite.kem);
    const prk = labeledExtract(id, EMPTY, 'eae_prk', dh);
    const shared = labeledExpand(id, prk, 'shared_secret', Buffer.concat([enc, key.publicRaw]), LENGTH);
    wipe(prk);
    return shared;
  } finally {
    wipe(dh);
  }
}

/** As a JWK (RFC 8037 §2, RFC 7518 §6.2), which OpenSSL reads many times faster than a SubjectPublicKeyInfo. */
function importEncapsulated({ crv }: Suite, enc: Uint8Array): KeyObject {
  const text = (from: number, to: number): string => encodeBase64url(enc.subarray(from, to));
  if (crv === 'X25519') return createPublicKey({ key: { kty: 'OKP', crv, x: text(0, 32) }, format: 'jwk' });
  if (enc[0] !== UNCOMPRESSED) throw new TypeError('form');
  // The import checks that the point is on its curve (RFC 9180 §7.1.4).
  return createPublicKey({ key: { kty: 'EC', crv, x: text(1, 33), y: text(33, 65) }, format: 'jwk' });
}

/** RFC 9180 §5.3 `Context.Export`. */
function exportInto(exported: Buffer, id: Buffer, secret: Buffer, context: Buffer): void {
  const exporter = labeledExpand(id, secret, 'exp', context, LENGTH);
  const output = labeledExpand(id, exporter, 'sec', KEEPING, exported.length);
  copyOctets(exported, output);
  wipe(exporter, output);
}

const PLAIN_CONTEXTS = new Map<Suite, Buffer>();

/** Without `info`, as every envelope is opened, it is the same for all of a suite. */
function plainContext(suite: Suite, id: Buffer): Buffer {
  const context = PLAIN_CONTEXTS.get(suite) ?? keyScheduleContext(id, EMPTY);
  PLAIN_CONTEXTS.set(suite, context);
  return context;
}

/** RFC 9180 §5.1 `KeySchedule` for mode base: no pre-shared key, so both its inputs are empty. All of it is public. */
function keyScheduleContext(id: Buffer, info: Uint8Array): Buffer {
  return Buffer.concat([
    MODE_BASE,
    labeledExtract(id, EMPTY, 'psk_id_hash', EMPTY),
    labeledExtract(id, EMPTY, 'info_hash', info),
  ]);
}

function suiteId(prefix: 'KEM' | 'HPKE', ...ids: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from(prefix, 'ascii'), ...ids.map(twoOctets)]);
}

/** RFC 9180 §4 `LabeledExtract`: HMAC(salt, "HPKE-v1" ‖ suite_id ‖ label ‖ ikm). */
function labeledExtract(id: Buffer, salt: Uint8Array, label: string, ikm: Uint8Array): Buffer {
  const labeled = ownedConcat(Buffer.from('HPKE-v1', 'ascii'), id, Buffer.from(label, 'ascii'), ikm);
  try {
    return mac(HASH, salt.length === 0 ? ownedBytes(LENGTH) : salt, labeled);
  } finally {
    wipe(labeled);
  }
}

/** RFC 9180 §4 `LabeledExpand`; all our outputs fit the first HKDF block. */
function labeledExpand(id: Buffer, prk: Buffer, label: string, info: Uint8Array, length: number): Buffer {
  const first = Uint8Array.of(1);
  const block = mac(
    HASH,
    prk,
    Buffer.concat([twoOctets(length), Buffer.from('HPKE-v1', 'ascii'), id, Buffer.from(label, 'ascii'), info, first]),
  );
  const output = ownedBytes(length);
  copyOctets(output, block.subarray(0, length));
  wipe(block);
  return output;
}

function twoOctets(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}
