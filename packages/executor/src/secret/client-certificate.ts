/**
 * A client certificate and its key, from the opened credential into a TLS context (spec/dauth.md §2.9).
 * Never a string, and never a key object: OpenSSL has the key for as long as its socket lives, and nothing else has it.
 */
import { X509Certificate } from 'node:crypto';
import {
  certificateOf,
  DAuthError,
  isKeyText,
  LIMITS,
  mtlsFields,
  readKeyContainer,
  type Injection,
  type Mtls,
} from '@dauth/protocol';
import { writeBase64 } from './encode.ts';
import { readFields } from './fields.ts';
import { derOf, p256Der } from './key-der.ts';
import { ownedConcat, wipe } from './memory.ts';
import { keyNumbers, type KeyKind } from './key-numbers.ts';
import type { Plaintext } from './plaintext.ts';
import { ByteWriter } from './writer.ts';

/** What TLS is told with whose name. `setKey` takes PEM alone; neither keeps what it is given. */
export interface Wearer {
  setCert(pem: Buffer): void;
  setKey(pem: Buffer): void;
}

/** Octets; whoever seals is held to the same. */
const MOST_CERTIFICATES = 16_384;
const CERTIFICATE = Buffer.from('-----BEGIN CERTIFICATE-----');
const DASH = 0x2d;
const UNSEARCHABLE = `has a private key of more than ${LIMITS.clientKey} octets or ${LIMITS.clientKeyLines} lines, or with something else than base64 in them, or fewer than ${LIMITS.clientKeyLine}`;

/**
 * @returns the kind of the key
 * @throws DAuthError `POLICY_DENIED` for what is no certificate, no key that TLS is spoken with here, or no pair
 */
export function wearCertificate(plaintext: Plaintext, scheme: Mtls, wearer: Wearer): KeyKind {
  return plaintext.lend((bytes) => {
    const [certificate, key] = valuesOf(bytes, scheme);
    const der = derOf(key);
    const pem = der === null ? null : plainPem(der);
    const kind = der === null ? undefined : keyNumbers(der)?.kind;
    wipe(der);
    try {
      if (pem === null || kind === undefined)
        throw unusable('has no private key of RSA (2048 to 4096 bits), P-256 or Ed25519');
      if (certificate.length > MOST_CERTIFICATES || !certificate.subarray(0, CERTIFICATE.length).equals(CERTIFICATE))
        throw unusable('has no client certificate in PEM');
      take(() => wearer.setCert(certificate), 'has a client certificate that cannot be read');
      const notIts = 'has a private key that is not the one of its client certificate';
      // OpenSSL compares keys of one kind alone; of another one it would just not use it.
      if (kindOf(certificate) !== kind) throw unusable(notIts);
      take(() => wearer.setKey(pem), notIts);
      return kind;
    } finally {
      wipe(pem);
    }
  });
}

/** What answers are searched for, although no upstream is shown it. Owned memory throughout, which the caller zeroes. */
export interface KeyTraces {
  /** Each secret number of the key. */
  readonly numbers: readonly Buffer[];
  /** The lines of its PEM: as it was sealed, or, where that is DER, as everybody writes it. */
  readonly lines: readonly Buffer[];
}

export const NO_TRACES: KeyTraces = Object.freeze({ numbers: [], lines: [] });

/** None where no certificate is among the injections. */
export function keyTraces(plaintext: Plaintext, injections: readonly Injection[]): KeyTraces {
  const scheme = certificateOf(injections);
  return scheme === undefined ? NO_TRACES : plaintext.lend((bytes) => tracesOf(bytes, scheme));
}

function tracesOf(bytes: Buffer, scheme: Mtls): KeyTraces {
  const [, key] = valuesOf(bytes, scheme);
  const der = derOf(key);
  const container = readKeyContainer(key);
  const pem = der === null || container.kind === 'pem' ? null : toPem(der);
  try {
    const numbers = (der === null ? null : keyNumbers(der))?.secret ?? [];
    const text = container.kind === 'pem' ? container.block : (pem ?? key);
    return { numbers: numbers.map((number) => ownedConcat(number)), lines: linesOf(text) };
  } finally {
    wipe(der, pem);
  }
}

/** All but labels, and what is too short to be anybody's but by chance. */
function linesOf(pem: Uint8Array): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0, start = 0; at <= pem.length; at++) {
    if (at < pem.length && !isBreak(pem[at]!)) continue;
    if (at - start >= LIMITS.clientKeyLine && pem[start] !== DASH) lines.push(ownedConcat(pem.subarray(start, at)));
    start = at + 1;
  }
  return lines;
}

/** @throws DAuthError `POLICY_DENIED` for a key that no answer could be searched for in time */
function valuesOf(bytes: Buffer, scheme: Mtls): readonly [certificate: Buffer, key: Buffer] {
  const names = mtlsFields(scheme);
  const fields = readFields(bytes, new Set(names));
  const key = fields.get(names[1]!)!;
  // Each line of it is searched for in several forms, while other calls wait: padded with lines it would hold up all of them.
  if (!isKeyText(key)) throw unusable(UNSEARCHABLE);
  return [fields.get(names[0]!)!, key];
}

/** A key as OpenSSL is given it. @returns owned memory which the caller zeroes; null for any other than TLS is spoken with here */
function plainPem(der: Buffer): Buffer | null {
  const numbers = keyNumbers(der);
  if (numbers?.kind !== 'ec') return numbers === null ? null : toPem(der);
  const plain = p256Der(numbers.secret[0]!);
  const pem = toPem(plain);
  wipe(plain);
  return pem;
}

/** RFC 7468 §10, written octet by octet. */
function toPem(der: Buffer): Buffer {
  using pem = new ByteWriter(4_096);
  pem.text('-----BEGIN PRIVATE KEY-----');
  for (let at = 0; at < der.length; at += 48) {
    pem.octet(0x0a);
    writeBase64(pem, der.subarray(at, at + 48), 'base64', true);
  }
  return pem.text('\n-----END PRIVATE KEY-----\n').take();
}

/** What OpenSSL says of a key is for nobody. */
function take(give: () => void, why: string): void {
  try {
    give();
  } catch {
    throw unusable(why);
  }
}

/** Of what stands in it, all is public. */
function kindOf(certificate: Buffer): KeyKind {
  return new X509Certificate(certificate).publicKey.asymmetricKeyType as KeyKind;
}

function isBreak(octet: number): boolean {
  return octet === 0x0a || octet === 0x0d;
}

function unusable(why: string): DAuthError {
  return new DAuthError('POLICY_DENIED', `The sealed credential ${why}. Its owner has to seal another one.`);
}
