/**
 * The file of the authority's signing keys: the one place where their private halves have a text form.
 * Never an opening key: nothing here, or in any package this one may import, can open an envelope.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { isObject, parseJson, parsePublicJwk } from '@dauth/protocol';
import { thumbprint } from '@dauth/verify';
import { KeyRing, type KeyRingOptions, type RingKey } from './key-ring.ts';

const MAX_KEY_FILE = 65_536;
const PROBE = Buffer.from('whether two halves are one key');

/**
 * Reads the signing keys, or makes the first one (ES256) on first start; the file is its owner's only (0600).
 * @throws Error with a sentence for the operator where the file is open to others or holds something else
 */
export function loadKeyRing(
  path: string,
  options: Pick<KeyRingOptions, 'now' | 'publishAhead' | 'rotateAfter'>,
): KeyRing {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const make = (from: number): RingKey => ringKey(generateKey(), from);
  let keys = readKeyFile(path);
  if (keys === undefined) {
    publishKeyFile(path, toText([make(options.now())]), linkOnce);
    // Of two processes that start at once one published first; both sign with what stands in the file.
    keys = readKeyFile(path)!;
  }
  return new KeyRing({ ...options, keys, make, save: (all) => publishKeyFile(path, toText(all), renameSync) });
}

export function ringKey(privateKey: KeyObject, from: number): RingKey {
  const jwk = parsePublicJwk(createPublicKey(privateKey).export({ format: 'jwk' }));
  return { kid: thumbprint(jwk), jwk, privateKey, from };
}

/**
 * By way of octets: Node 20 may lock itself up for good while it writes a key it generated as a JWK, for it holds the
 * key's lock, and so does the collector that frees the generator. What was read from octets has a lock of its own.
 */
function generateKey(): KeyObject {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  });
  return createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' });
}

function readKeyFile(path: string): readonly RingKey[] | undefined {
  let text: string;
  try {
    // Tokens are only as good as this file is private.
    if ((statSync(path).mode & 0o077) !== 0)
      throw new Error(`${path} can be reached by other users of this machine. Take their rights away (chmod 600).`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const keys = parseKeys(text);
  if (keys?.at(-1)?.privateKey == null)
    throw new Error(`${path} does not hold EC P-256 private keys. Restore it from your backup.`);
  return keys;
}

/** A key set, each key with the second it signs from; or one key alone, as earlier versions wrote it. */
function parseKeys(text: string): readonly RingKey[] | undefined {
  try {
    const value = parseJson(text, MAX_KEY_FILE);
    if (!isObject(value)) return undefined;
    const list: unknown = value.keys ?? [{ ...value, from: 0 }];
    if (!Array.isArray(list)) return undefined;
    const keys = (list as readonly unknown[]).map(parseKey);
    return keys.every((key, index) => index === 0 || keys[index - 1]!.from < key.from) ? keys : undefined;
  } catch {
    // What the parser says would repeat a part of the file.
    return undefined;
  }
}

function parseKey(value: unknown): RingKey {
  if (!isObject(value) || value.kty !== 'EC' || value.crv !== 'P-256' || !Number.isSafeInteger(value.from))
    throw new TypeError();
  const { kty, crv, x, y, d } = value;
  const from = Number(value.from);
  const jwk = parsePublicJwk({ kty, crv, x, y });
  if (d !== undefined) {
    const key = createPrivateKey({ key: { ...jwk, d } as JsonWebKey, format: 'jwk' });
    // Nothing else says that the halves belong together, and a key of two would sign what nobody can verify.
    if (!verify('sha256', PROBE, createPublicKey({ key: { ...jwk }, format: 'jwk' }), sign('sha256', PROBE, key)))
      throw new TypeError();
    return ringKey(key, from);
  }
  return { kid: thumbprint(jwk), jwk, privateKey: null, from };
}

function toText(keys: readonly RingKey[]): string {
  const list = keys.map(({ jwk, privateKey, from }) => ({
    ...(privateKey === null ? jwk : privateKey.export({ format: 'jwk' })),
    from,
  }));
  return JSON.stringify({ keys: list });
}

/** Whole and durable under its final name, or not there at all. */
function publishKeyFile(path: string, text: string, publish: (from: string, to: string) => void): void {
  const temporary = `${path}.${process.pid}.new`;
  try {
    const file = openSync(temporary, 'w', 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    publish(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** `link` never replaces, so the first key of two is nobody's loss. */
function linkOnce(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
