/**
 * Requests in the one spelling that both ends of an AWS signature compute (SigV4 "Create a canonical request"), octet by
 * octet, for filled slots are in them.
 * Never changes what goes upstream: only what is hashed is spelled anew.
 */
import { hexDigit } from './decode.ts';
import { plainOctets, UNRESERVED, writePercent } from './encode.ts';
import { compareOctets, placeOf, wipe } from './memory.ts';
import { ByteWriter } from './writer.ts';

export interface Line {
  /** Lowercase. */
  readonly name: string;
  readonly value: Uint8Array;
}

const [AND, EQUALS, QUESTION, PLUS, PERCENT] = [0x26, 0x3d, 0x3f, 0x2b, 0x25];
const [SPACE, TAB] = [0x20, 0x09];
const PATH = plainOctets('-._~/');

/** Path and query of a target; the query without its `?`. Views. */
export function splitTarget(target: Buffer): { readonly path: Buffer; readonly query: Buffer } {
  const cut = placeOf(target, QUESTION);
  return cut < 0
    ? { path: target, query: target.subarray(target.length) }
    : { path: target.subarray(0, cut), query: target.subarray(cut + 1) };
}

/** What stands between a target and a parameter that is added behind it. */
export function separatorOf(target: Buffer): '?' | '&' | '' {
  const cut = placeOf(target, QUESTION);
  if (cut < 0) return '?';
  return cut === target.length - 1 ? '' : '&';
}

/**
 * A path that is encoded already is encoded once more, but for Amazon S3, which compares the one encoding of what it
 * decodes. Dots and empty segments stay: a request that has them does not get here.
 */
export function writeCanonicalPath(out: ByteWriter, path: Buffer, isS3: boolean): void {
  if (!isS3) return writePercent(out, path, PATH);
  const decoded = percentDecoded(path, false);
  writePercent(out, decoded, PATH);
  wipe(decoded);
}

/** Each name and value in one encoding, sorted by name and then by value. */
export function writeCanonicalQuery(out: ByteWriter, query: Buffer): void {
  const pairs = piecesOf(query, AND).map((pair) => {
    const cut = placeOf(pair, EQUALS);
    const [name, value] =
      cut < 0 ? [pair, pair.subarray(pair.length)] : [pair.subarray(0, cut), pair.subarray(cut + 1)];
    return { name: reencoded(name), value: reencoded(value) };
  });
  pairs.sort((a, b) => compareOctets(a.name, b.name) || compareOctets(a.value, b.value));
  pairs.forEach(({ name, value }, index) => {
    if (index > 0) out.octet(AND);
    out.bytes(name).octet(EQUALS).bytes(value);
    wipe(name, value);
  });
}

/** Names in order, each once; several values of one name in their order, with a comma between them. */
export function writeCanonicalLines(out: ByteWriter, lines: readonly Line[]): void {
  let last = '';
  for (const { name, value } of sortedLines(lines)) {
    if (name === last) out.text(',');
    else out.text(`${last === '' ? '' : '\n'}${name}:`);
    writeCollapsed(out, value);
    last = name;
  }
  out.text('\n');
}

/** Names in order, each once, with `;` between them. */
export function namesOf(lines: readonly Line[]): string {
  let names = '';
  let last = '';
  for (const { name } of sortedLines(lines)) {
    if (name !== last) names += `${names === '' ? '' : ';'}${name}`;
    last = name;
  }
  return names;
}

function sortedLines(lines: readonly Line[]): readonly Line[] {
  return lines.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Without space at the ends, and one for each run of it. */
function writeCollapsed(out: ByteWriter, value: Uint8Array): void {
  let hasText = false;
  let hasGap = false;
  for (const octet of value) {
    if (octet === SPACE || octet === TAB) {
      hasGap = hasText;
      continue;
    }
    if (hasGap) out.octet(SPACE);
    out.octet(octet);
    [hasText, hasGap] = [true, false];
  }
}

function reencoded(text: Buffer): Buffer {
  const decoded = percentDecoded(text, true);
  using out = new ByteWriter(text.length + 16);
  writePercent(out, decoded, UNRESERVED);
  wipe(decoded);
  return out.take();
}

/** `%XX` as its octet; a stray `%` stays. In a query `+` is a space, as in a form. */
function percentDecoded(text: Buffer, isQuery: boolean): Buffer {
  using out = new ByteWriter(text.length + 1);
  for (let at = 0; at < text.length; at++) {
    const octet = text[at]!;
    const [high, low] = [hexDigit(text[at + 1]), hexDigit(text[at + 2])];
    if (octet === PERCENT && high >= 0 && low >= 0) {
      out.octet(high * 16 + low);
      at += 2;
    } else out.octet(isQuery && octet === PLUS ? SPACE : octet);
  }
  return out.take();
}

/** The non-empty pieces between separators. Views. */
function piecesOf(text: Buffer, separator: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let start = 0; start < text.length;) {
    const found = placeOf(text, separator, start);
    const end = found < 0 ? text.length : found;
    if (end > start) pieces.push(text.subarray(start, end));
    start = end + 1;
  }
  return pieces;
}
