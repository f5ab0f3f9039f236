/**
 * AWS Signature Version 4 (AWS "Signature Version 4 for API requests"; Amazon S3 "Authenticating requests"), in the headers
 * or in the query, over exactly the request that goes upstream.
 * Never a string of a secret: the secret, the keys derived from it and whatever holds a session token are owned memory,
 * zeroed when the head is made.
 */
import { createHash } from 'node:crypto';
import { DAuthError, isS3, type AwsSigV4 } from '@dauth/protocol';
import { ChunkKey } from './aws-chunks.ts';
import {
  namesOf,
  separatorOf,
  splitTarget,
  writeCanonicalLines,
  writeCanonicalPath,
  writeCanonicalQuery,
  type Line,
} from './canonical.ts';
import { percent, UNRESERVED, writeHex, writePercent } from './encode.ts';
import { fill, held, type Fields, type Held, type Rule } from './fill.ts';
import { ownedConcat, wipe } from './memory.ts';
import { digestOf, mac } from './native.ts';
import type { Outgoing, Signed } from './sign.ts';
import { ByteWriter } from './writer.ts';

const ALGORITHM = 'AWS4-HMAC-SHA256';
const UNSIGNED = 'UNSIGNED-PAYLOAD';
const IN_PIECES = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
/** Where it stands, `/` and `,` would end it, and an encoded one would read differently. */
const ACCESS_KEY_OCTET: Rule = (octet) => UNRESERVED.has(octet);
/** One word of a header; a space in it would be signed as another number of spaces than was sent. */
const TOKEN_OCTET: Rule = (octet) => octet > 0x20 && octet < 0x7f;
/** It goes into a key and nowhere else. */
const ANY_OCTET: Rule = () => true;
/**
 * What is ours or a hop's to change, and what AWS's own signers leave out. Whatever else the caller sent is signed: AWS wants
 * every `x-amz-` header to be, and the rest costs nothing.
 */
const NOT_SIGNED: ReadonlySet<string> = new Set([
  ...['user-agent', 'cache-control', 'from', 'max-forwards', 'pragma', 'referer', 'x-amzn-trace-id'],
]);

interface Scoped {
  readonly scheme: AwsSigV4;
  /** `YYYYMMDD'T'HHMMSS'Z'`. */
  readonly at: string;
  readonly scope: string;
}

/** @throws DAuthError `POLICY_DENIED` */
export function signAws(scheme: AwsSigV4, fields: Fields, request: Outgoing): Signed {
  const at = new Date(request.atMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const scoped = { scheme, at, scope: `${at.slice(0, 8)}/${scheme.region}/${scheme.service}/aws4_request` };
  using accessKey = fill(scheme.access_key, fields, ACCESS_KEY_OCTET);
  using token = scheme.session_token === undefined ? null : fill(scheme.session_token, fields, TOKEN_OCTET);
  const hash = payloadHash(scheme, request);
  const named: Line[] = request.headers
    .filter(([name]) => !NOT_SIGNED.has(name))
    .map(([name, value]) => ({ name, value: Buffer.from(value, 'latin1') }));
  named.push({ name: 'host', value: Buffer.from(request.host, 'latin1') });
  return scheme.place === 'query'
    ? signQuery(scoped, fields, request, { accessKey, token, hash, named })
    : signHeaders(scoped, fields, request, { accessKey, token, hash, named });
}

interface Parts {
  readonly accessKey: Held;
  readonly token: Held | null;
  /** What stands for the body: its hash, or that it is not signed. */
  readonly hash: string;
  readonly named: readonly Line[];
}

function signHeaders(scoped: Scoped, fields: Fields, request: Outgoing, parts: Parts): Signed {
  const { accessKey, token, hash, named } = parts;
  const own: readonly Line[] = [
    { name: 'x-amz-date', value: Buffer.from(scoped.at, 'latin1') },
    ...(scoped.scheme.content_sha256 ? [{ name: 'x-amz-content-sha256', value: Buffer.from(hash, 'latin1') }] : []),
    ...(token === null ? [] : [{ name: 'x-amz-security-token', value: token.bytes }]),
    ...(hash === IN_PIECES ? piecesLines(request) : []),
  ];
  const all = [...named, ...own];
  const { signature, keys } = signCanonical(scoped, fields, request, request.target, all, hash);
  using lines = new ByteWriter(1024);
  for (const { name, value } of own) lines.text(`${name}: `).bytes(value).text('\r\n');
  lines.text(`authorization: ${ALGORITHM} Credential=`).bytes(accessKey.bytes).text(`/${scoped.scope}, SignedHeaders=`);
  lines
    .text(`${namesOf(all)}, Signature=`)
    .bytes(signature)
    .text('\r\n');
  const pieces =
    hash === IN_PIECES ? { chunkKey: new ChunkKey(keys.at(-1)!, `${scoped.at}\n${scoped.scope}\n`, signature) } : {};
  return { target: ownedConcat(request.target), lines: lines.take(), secrets: [...keys, signature], ...pieces };
}

/** The coding stands behind the caller's own, in the order in which they were applied (RFC 9110 §8.4). */
function piecesLines({ piecesOf }: Outgoing): readonly Line[] {
  return [
    { name: 'content-encoding', value: Buffer.from('aws-chunked') },
    { name: 'x-amz-decoded-content-length', value: Buffer.from(`${piecesOf!}`) },
  ];
}

function signQuery(scoped: Scoped, fields: Fields, request: Outgoing, parts: Parts): Signed {
  const { accessKey, token, hash, named } = parts;
  using target = new ByteWriter(request.target.length + 1024);
  target.bytes(request.target).text(separatorOf(request.target));
  target.text(`X-Amz-Algorithm=${ALGORITHM}&X-Amz-Credential=`).bytes(accessKey.bytes);
  writePercent(target, Buffer.from(`/${scoped.scope}`, 'latin1'), UNRESERVED);
  target.text(`&X-Amz-Date=${scoped.at}&X-Amz-Expires=${scoped.scheme.expires!}`);
  using written = token === null ? null : held(percent(token.bytes));
  if (written !== null) target.text('&X-Amz-Security-Token=').bytes(written.bytes);
  target.text('&X-Amz-SignedHeaders=');
  writePercent(target, Buffer.from(namesOf(named), 'latin1'), UNRESERVED);
  using unsigned = held(target.take());
  const { signature, keys } = signCanonical(scoped, fields, request, unsigned.bytes, named, hash);
  const signed = ownedConcat(unsigned.bytes, Buffer.from('&X-Amz-Signature='), signature);
  const secrets = [...keys, signature, ...(written === null ? [] : [ownedConcat(written.bytes)])];
  return { target: signed, lines: ownedConcat(), secrets };
}

/** The signature in hex, and the keys it was made with. */
function signCanonical(
  { scheme, at, scope }: Scoped,
  fields: Fields,
  { method }: Outgoing,
  target: Buffer,
  lines: readonly Line[],
  hash: string,
): { readonly signature: Buffer; readonly keys: readonly Buffer[] } {
  const { path, query } = splitTarget(target);
  using canonical = new ByteWriter(2048);
  canonical.text(`${method}\n`);
  writeCanonicalPath(canonical, path, isS3(scheme));
  canonical.text('\n');
  writeCanonicalQuery(canonical, query);
  canonical.text('\n');
  writeCanonicalLines(canonical, lines);
  canonical.text(`\n${namesOf(lines)}\n${hash}`);
  using hashed = held(canonical.take());
  const keys = deriveKeys(scheme, fields, scope);
  using digest = held(inHex(digestOf('sha256', hashed.bytes)));
  const before = Buffer.from(`${ALGORITHM}\n${at}\n${scope}\n`, 'latin1');
  return { signature: inHex(mac('sha256', keys.at(-1)!, before, digest.bytes)), keys };
}

/** Owned memory; zeroes what it was made of. */
function inHex(octets: Buffer): Buffer {
  using hex = new ByteWriter(octets.length * 2);
  writeHex(hex, octets, 'lower');
  wipe(octets);
  return hex.take();
}

/** `kDate`, `kRegion`, `kService`, `kSigning`. Each would sign for its day, region or service like the secret itself. */
function deriveKeys(scheme: AwsSigV4, fields: Fields, scope: string): readonly Buffer[] {
  using secret = fill(scheme.secret_key, fields, ANY_OCTET);
  using first = held(ownedConcat(Buffer.from('AWS4'), secret.bytes));
  const keys: Buffer[] = [];
  for (const part of scope.split('/'))
    keys.push(mac('sha256', keys.at(-1) ?? first.bytes, Buffer.from(part, 'latin1')));
  return keys;
}

/** Only TLS keeps an unsigned body whole, and only Amazon S3 takes one (it has to, in a query). */
function payloadHash(scheme: AwsSigV4, { body, piecesOf, isTls }: Outgoing): string {
  if (piecesOf !== undefined) return IN_PIECES;
  const mayStream = isS3(scheme) && isTls;
  if (mayStream && (body === null || scheme.place === 'query')) return UNSIGNED;
  if (body === null || (isS3(scheme) && scheme.place === 'query'))
    throw new DAuthError('POLICY_DENIED', 'The credential signs the body, which cannot be signed on its way.');
  return createHash('sha256').update(body).digest('hex');
}
