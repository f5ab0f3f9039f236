/**
 * The key provider for keys in a file: the executor's identity and its opening key, made at the first start.
 * Never makes a private key into a string: files are read and written as octets, and every buffer of them is zeroed.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import {
  decodeBase64url,
  encodeUtf8,
  isObject,
  joinJws,
  jwsSigningInput,
  parseJson,
  parsePublicJwk,
  type DirectoryKey,
  type PublicJwk,
} from '@dauth/protocol';
import { thumbprint } from '@dauth/verify';
import { assertPrivate, readIfPresent, replaceDurably } from '../journal/files.ts';
import { ownedBytes, wipe } from './memory.ts';
import type { OpeningKey } from '../open.ts';

/** The key others pin: RFC 7638 thumbprint `jkt`. */
export interface Identity {
  readonly jkt: string;
  readonly jwk: PublicJwk;
  /** A compact JWS with the public key in its header. */
  sign(typ: string, claims: object): string;
}

export interface ExecutorKeys {
  readonly identity: Identity;
  readonly opening: OpeningKey;
  /** The opening key as the directory shows it. */
  readonly published: DirectoryKey;
}

const SECONDS_OF_TWO_YEARS = 63_072_000;
const PRIVATE_OCTETS = 32;
const PRIVATE_CHARACTERS = 43;
const MARK = Buffer.from('"d":"', 'ascii');
const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 'ascii');
const MAX_FILE = 2_048;

/** What stands before the raw private key in PKCS #8: RFC 5208 with RFC 5915 (P-256), RFC 8410 §7 (X25519). */
const PKCS8_PREFIX = {
  'P-256': Buffer.from(
    '304102010030130607' + '2a8648ce3d0201' + '06082a8648ce3d030107' + '0427' + '30250201010420',
    'hex',
  ),
  X25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
};

/**
 * Reads `identity.jwk` and `opening.jwk`, or makes them (mode 0600).
 * @param now Unix seconds, for the life of a new opening key
 * @throws TypeError with a sentence for the operator where a file is damaged or open to others
 */
export async function loadKeys(directory: string, now: number): Promise<ExecutorKeys> {
  const identity = await loadKey(join(directory, 'identity.jwk'), 'P-256', {});
  const life = { alg: 'HPKE-3', nbf: now, exp: now + SECONDS_OF_TWO_YEARS };
  const opening = await loadKey(join(directory, 'opening.jwk'), 'X25519', life);
  const kid = thumbprint(opening.jwk);
  const { nbf, exp } = opening.members;
  if (opening.members.alg !== 'HPKE-3' || typeof nbf !== 'number' || typeof exp !== 'number') {
    throw new TypeError('opening.jwk has no "alg", "nbf" and "exp" of an opening key. Restore it from your backup.');
  }
  return {
    identity: makeIdentity(identity.jwk, identity.privateKey),
    opening: { kid, alg: 'HPKE-3', privateKey: opening.privateKey, publicRaw: decodeBase64url(opening.jwk.x) },
    published: Object.freeze({ jwk: opening.jwk, kid, alg: 'HPKE-3', nbf, exp }),
  };
}

function makeIdentity(jwk: PublicJwk, key: KeyObject): Identity {
  return {
    jkt: thumbprint(jwk),
    jwk,
    sign(typ, claims) {
      const input = jwsSigningInput({ typ, alg: 'ES256', jwk }, claims);
      return joinJws(input, sign('sha256', encodeUtf8(input), { key, dsaEncoding: 'ieee-p1363' }));
    },
  };
}

interface LoadedKey {
  readonly jwk: PublicJwk;
  readonly privateKey: KeyObject;
  readonly members: Readonly<Record<string, unknown>>;
}

async function loadKey(path: string, crv: 'P-256' | 'X25519', extra: object): Promise<LoadedKey> {
  const present = readIfPresent(path);
  if (present === undefined) await writeNewKey(path, crv, extra);
  assertPrivate(path);
  const file = present ?? readIfPresent(path) ?? Buffer.alloc(0);
  const raw = ownedBytes(PRIVATE_OCTETS);
  try {
    const at = file.indexOf(MARK) + MARK.length;
    const end = at + PRIVATE_CHARACTERS;
    if (at < MARK.length || file.length > MAX_FILE || file[end] !== 0x22) throw new TypeError();
    decodeInto(file.subarray(at, end), raw);
    file.fill(0x41, at, end);
    const members = parseJson(file.toString('utf8'), MAX_FILE);
    if (!isObject(members)) throw new TypeError();
    const { d, ...open } = members;
    const jwk = parsePublicJwk(open);
    const privateKey = importRaw(crv, raw);
    if (d === undefined || jwk.crv !== crv || !isPairOf(privateKey, jwk)) throw new TypeError();
    return { jwk, privateKey, members };
  } catch {
    throw new TypeError(`${path} is not a private key of this executor. Restore it from your backup.`);
  } finally {
    wipe(file, raw);
  }
}

function importRaw(crv: 'P-256' | 'X25519', raw: Buffer): KeyObject {
  const der = ownedBytes(PKCS8_PREFIX[crv].length + PRIVATE_OCTETS);
  try {
    der.set(PKCS8_PREFIX[crv]);
    der.set(raw, PKCS8_PREFIX[crv].length);
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    wipe(der);
  }
}

function isPairOf(key: KeyObject, jwk: PublicJwk): boolean {
  return thumbprint(publicHalf(key)) === thumbprint(jwk);
}

function publicHalf(key: KeyObject): PublicJwk {
  return parsePublicJwk(createPublicKey(key).export({ format: 'jwk' }));
}

/**
 * A fresh private key in DER. It leaves its generator as octets: Node 20 may lock itself up for good while it writes a key
 * it generated as a JWK, for it holds the key's lock, and so does the collector that frees the generator.
 */
function generateDer(crv: 'P-256' | 'X25519'): Buffer {
  const [publicKeyEncoding, privateKeyEncoding] = [
    { format: 'der', type: 'spki' },
    { format: 'der', type: 'pkcs8' },
  ] as const;
  const { privateKey } =
    crv === 'P-256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding })
      : generateKeyPairSync('x25519', { publicKeyEncoding, privateKeyEncoding });
  return privateKey;
}

async function writeNewKey(path: string, crv: 'P-256' | 'X25519', extra: object): Promise<void> {
  const der = generateDer(crv);
  const open = JSON.stringify({
    ...publicHalf(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })),
    ...extra,
  });
  const start = Buffer.from(`${open.slice(0, -1)},"d":"`, 'utf8');
  const file = ownedBytes(start.length + PRIVATE_CHARACTERS + 3);
  try {
    const raw = findRaw(der, crv);
    file.set(start);
    encodeInto(raw, file.subarray(start.length, start.length + PRIVATE_CHARACTERS));
    file.write('"}\n', start.length + PRIVATE_CHARACTERS, 'ascii');
    await replaceDurably(path, file);
  } finally {
    wipe(der, file);
  }
}

/** The raw private key inside the DER that OpenSSL writes: behind the last octet string head that our prefix ends with. */
function findRaw(der: Buffer, crv: 'P-256' | 'X25519'): Buffer {
  const head = crv === 'P-256' ? Buffer.of(0x02, 0x01, 0x01, 0x04, 0x20) : Buffer.of(0x04, 0x22, 0x04, 0x20);
  const at = der.indexOf(head) + head.length;
  return der.subarray(at, at + PRIVATE_OCTETS);
}

/** base64url of 32 octets, octet by octet: no string in between. */
function encodeInto(raw: Buffer, target: Buffer): void {
  for (let i = 0; i < PRIVATE_CHARACTERS; i++) target[i] = ALPHABET[sextet(raw, i)]!;
}

function sextet(raw: Buffer, index: number): number {
  const bit = index * 6;
  const pair = (raw[bit >> 3]! << 8) | (raw[(bit >> 3) + 1] ?? 0);
  return (pair >> (10 - (bit & 7))) & 63;
}

function decodeInto(characters: Buffer, raw: Buffer): void {
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const character of characters) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) throw new TypeError();
    held = ((held << 6) | value) & 0x3fff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    raw[at++] = (held >> bits) & 0xff;
  }
}
