/**
 * The scheme `hmac` (spec/dauth.md §2.5): an HMAC over parts of the request that goes upstream, in the order its owner sealed.
 * Never a string of a secret: the key, also where it is decoded, and texts with fields in them are owned memory, zeroed when
 * the head is made.
 */
import { DAuthError, LIMITS, namedFields, needsBody, signingParts, type Hmac, type Template } from '@dauth/protocol';
import { readFormField } from '../where/form.ts';
import { separatorOf, splitTarget } from './canonical.ts';
import { decodeBase64, decodeHex } from './decode.ts';
import { percent, UNRESERVED, writeBase64, writeHex, writePercent } from './encode.ts';
import { fill, held, HEADER_OCTET, unfit, type Fields, type Held } from './fill.ts';
import { ownedConcat, wipe } from './memory.ts';
import { digestOf, mac, secretDigest } from './native.ts';
import type { Outgoing, Signed } from './sign.ts';
import { ByteWriter } from './writer.ts';

/** What a template may name, as octets. `signature` and `digest` are there once they are made. */
type Named = Record<string, Uint8Array>;

/** The highest number that was given out: the next is higher, whatever the clock does. */
let counted = 0;

/** @throws DAuthError `POLICY_DENIED`, `INVALID_REQUEST` */
export function signHmac(scheme: Hmac, fields: Fields, request: Outgoing): Signed {
  const named: Named = {
    lf: Buffer.from('\n'),
    method: Buffer.from(request.method, 'latin1'),
    host: Buffer.from(request.host, 'latin1'),
    timestamp: Buffer.from(timestampOf(scheme, request.atMs), 'latin1'),
    nonce: Buffer.from(nonceOf(scheme, request), 'latin1'),
    body: bodyOf(scheme, request),
  };
  using key = decodedKey(scheme, fields);
  const early = scheme.put.filter(({ value }) => !isSignature(value));
  using target = held(withQuery(request.target, early, fields, named));
  Object.assign(named, splitTarget(target.bytes), { target: target.bytes });
  using digest = held(makeDigest(scheme, fields, named));
  named.digest = digest.bytes;
  const raw = mac(scheme.hash, key.bytes, ...octetsOf(scheme.sign, fields, named));
  const signature = written(raw, scheme.encoding);
  wipe(raw);
  named.signature = signature;
  const late = scheme.put.filter(({ value }) => isSignature(value));
  const lines = linesOf(scheme, fields, named);
  const signed = withQuery(target.bytes, late, fields, named);
  const made = [signature, ...(isKeyed(scheme) ? [ownedConcat(digest.bytes)] : [])];
  return {
    target: signed,
    lines,
    secrets: [ownedConcat(key.bytes), ...made, ...writtenForms(scheme, fields, named)],
  };
}

/** The values of `query` slots, behind what is there. */
function withQuery(target: Buffer, put: Hmac['put'], fields: Fields, named: Named): Buffer {
  using out = new ByteWriter(target.length + 256);
  out.bytes(target);
  let separator: string = separatorOf(target);
  for (const { in: place, name, value } of put) {
    if (place !== 'query') continue;
    out.text(`${separator}${name}=`);
    for (const octets of octetsOf(value, fields, named)) writePercent(out, octets, UNRESERVED);
    separator = '&';
  }
  return out.take();
}

/** What stands in the query of a field or of the signature: somebody may encode that once more. */
function writtenForms({ put }: Hmac, fields: Fields, named: Named): readonly Buffer[] {
  const inQuery = put.flatMap(({ in: place, value }) => (place === 'query' ? [value] : []));
  const written = [...new Set(namedFields(inQuery))].map((name) => percent(fields.get(name)!));
  return inQuery.some(isSignature) ? [...written, percent(named.signature!)] : written;
}

function linesOf(scheme: Hmac, fields: Fields, named: Named): Buffer {
  using lines = new ByteWriter();
  for (const { in: place, name, value } of scheme.put) {
    if (place !== 'header') continue;
    lines.text(`${name}: `);
    for (const octets of octetsOf(value, fields, named)) {
      if (!octets.every(HEADER_OCTET)) throw unfit('has characters that its slot cannot carry');
      lines.bytes(octets);
    }
    lines.text('\r\n');
  }
  return lines.take();
}

/** A template's pieces: views of fields and of the request, and fixed text. */
function octetsOf(template: Template, fields: Fields, named: Named): readonly Uint8Array[] {
  return signingParts(template).map((piece) => {
    if ('field' in piece) return fields.get(piece.field)!;
    return 'text' in piece ? Buffer.from(piece.text, 'latin1') : named[piece.part]!;
  });
}

function isSignature(template: Template): boolean {
  return signingParts(template).some((piece) => 'part' in piece && piece.part === 'signature');
}

/** A digest over a field is a signature too. */
function isKeyed({ digest }: Hmac): boolean {
  return digest !== undefined && namedFields([digest.of]).length > 0;
}

function makeDigest(scheme: Hmac, fields: Fields, named: Named): Buffer {
  const { digest } = scheme;
  if (digest === undefined) return ownedConcat();
  const hash = isKeyed(scheme) ? secretDigest : digestOf;
  const raw = hash(digest.hash, ...octetsOf(digest.of, fields, named));
  if (digest.encoding === 'raw') return raw;
  const text = written(raw, digest.encoding);
  wipe(raw);
  return text;
}

function written(raw: Buffer, encoding: 'hex' | 'base64'): Buffer {
  using out = new ByteWriter(raw.length * 2);
  if (encoding === 'hex') writeHex(out, raw, 'lower');
  else writeBase64(out, raw, 'base64', true);
  return out.take();
}

/** @throws DAuthError `POLICY_DENIED` for a key that is not written as the scheme says, or could not be searched for */
function decodedKey({ key, key_encoding: encoding }: Hmac, fields: Fields): Held {
  const text = fill(key, fields, () => true);
  if (encoding === 'raw') return text;
  using _text = text;
  const decoded = encoding === 'hex' ? decodeHex(text.bytes) : decodeBase64(text.bytes);
  if (decoded === null) throw unfit(`is no ${encoding}, in which its scheme has the key`);
  if (decoded.length >= LIMITS.shortestValue) return held(decoded);
  wipe(decoded);
  throw unfit('is a key too short to be recognized in an answer');
}

function bodyOf(scheme: Hmac, { body }: Outgoing): Uint8Array {
  if (body !== null) return body;
  if (!needsBody(scheme)) return new Uint8Array(0);
  throw new DAuthError('POLICY_DENIED', 'The credential signs the body, which cannot be signed on its way.');
}

function timestampOf({ timestamp }: Hmac, atMs: number): string {
  if (timestamp === undefined) return '';
  if (timestamp === 'iso') return new Date(atMs).toISOString();
  return `${Math.floor(timestamp === 's' ? atMs / 1_000 : atMs)}`;
}

function nonceOf({ nonce }: Hmac, { body, atMs, random }: Outgoing): string {
  if (nonce === undefined) return '';
  if (nonce === 'random') return random();
  if (typeof nonce === 'object') return readFormField(body ?? new Uint8Array(0), nonce.form);
  // Microseconds, so that those who count in milliseconds elsewhere stay below.
  counted = Math.max(Math.floor(atMs) * 1_000, counted + 1);
  return `${counted}`;
}
