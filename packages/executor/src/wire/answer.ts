/**
 * The head of an upstream's answer, made fit to pass on (protocol.md §5 "Streaming", step 9).
 * Never passes on a header that it did not scan, nor one that is for this hop or for our own words.
 */
import { DAuthError, HEADER, isDropped } from '@dauth/protocol';
import type { Forms } from './forms.ts';
import { ownedConcat } from '../secret/memory.ts';
import { redactParts } from './scan.ts';

/** How the body is encoded: what `decode.ts` has to undo before anything can be scanned. */
export type ContentCoding = 'identity' | 'gzip' | 'deflate' | 'br';

export interface AnswerHead {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly coding: ContentCoding;
  readonly redactions: number;
  /** As the upstream announced it, before decoding. */
  readonly length: number | null;
}

/** None is asked for. Not zstd: the runtimes that can decode it do so in memory of their own, which nothing of ours can erase. */
const CODINGS: Readonly<Record<string, ContentCoding>> = Object.freeze({
  __proto__: null as never,
  '': 'identity',
  identity: 'identity',
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
});

/** Each header costs the scan; nobody who answers a request has need of more. */
const MAX_HEADERS = 256;

/**
 * @param raw name and value in turn, as they came; left as they are
 * @param releases names that the owner sealed besides; never of a header that is for this hop
 * @throws DAuthError `RESPONSE_UNSCANNABLE` for a part of a body (206) or an encoding that cannot be undone,
 * `RESPONSE_TOO_LARGE` for too many headers
 */
export function readAnswerHead(
  status: number,
  raw: readonly Buffer[],
  forms: Forms,
  releases: readonly string[] = [],
): AnswerHead {
  // A secret cut by a range border is in no part as a whole; nothing can find it there.
  if (status === 206)
    throw new DAuthError(
      'RESPONSE_UNSCANNABLE',
      'The upstream answered with a part of a body, which cannot be checked.',
    );
  // We never ask for another protocol, so there is no body that we could read.
  if (status === 101)
    throw new DAuthError('RESPONSE_UNSCANNABLE', 'The upstream switched to another protocol, which cannot be checked.');
  const { parts, found, redactions } = scanHead(raw, forms);
  const all: (readonly [name: string, value: string])[] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    // A redacted name is no name any more.
    if (found[i] === 0) all.push([parts[i]!.toString('latin1').toLowerCase(), parts[i + 1]!.toString('latin1')]);
  }
  assertKnownFraming(all);
  const hop = new Set(valuesOf(all, 'connection').flatMap((value) => value.toLowerCase().split(/[\s,]+/)));
  const headers = all
    .filter(([name]) => (!isDropped(name) || releases.includes(name)) && !hop.has(name))
    .flatMap((header) => named(header, releases));
  const length = valuesOf(all, 'content-length')[0];
  return { headers, coding: codingOf(all), redactions, length: length === undefined ? null : Number(length) };
}

/**
 * Octets of the body that goes back, where they are known before its end: starring out changes none, decoding does. Null of an
 * answer that has no body (RFC 9110 §8.6).
 */
export function bodyLength(status: number, { length, coding }: AnswerHead): number | null {
  return coding === 'identity' && status !== 204 && status !== 304 ? length : null;
}

/** What a HEAD asks for most often. Of an encoded answer it would be the length of other octets than a GET gives back. */
export function withLength({ headers, length, coding }: AnswerHead): AnswerHead['headers'] {
  return length === null || coding !== 'identity' ? headers : [...headers, ['content-length', `${length}`]];
}

/** A challenge of the upstream is not one of the executor: under its own name it stands only where the owner wants it there too. */
function named([name, value]: AnswerHead['headers'][number], releases: readonly string[]): AnswerHead['headers'] {
  if (name !== 'www-authenticate') return [[name, value]];
  const renamed = [HEADER.upstreamChallenge, value] as const;
  return releases.includes(name) ? [renamed, [name, value]] : [renamed];
}

/** The headers of an answer that is none but to the handshake: nothing of it is passed on. @throws DAuthError `RESPONSE_TOO_LARGE` */
export function readUpgradeHead(raw: readonly Buffer[], forms: Forms): Omit<ScannedHead, 'found'> {
  return scanHead(raw, forms);
}

interface ScannedHead {
  /** Name and value in turn. */
  readonly parts: readonly Buffer[];
  /** Places in each. */
  readonly found: readonly number[];
  readonly redactions: number;
}

function scanHead(raw: readonly Buffer[], forms: Forms): ScannedHead {
  if (raw.length > 2 * MAX_HEADERS)
    throw new DAuthError('RESPONSE_TOO_LARGE', 'The headers of the upstream answer are larger than allowed.');
  const parts = raw.map((part) => ownedConcat(part));
  const found = redactParts(parts, forms);
  return { parts, found, redactions: found.reduce((sum, places) => sum + places, 0) };
}

/** RFC 9112 §6.1: other transfer codings compress, and what the HTTP client leaves compressed hides what it holds. */
function assertKnownFraming(headers: AnswerHead['headers']): void {
  const codings = valuesOf(headers, 'transfer-encoding');
  if (codings.some((coding) => coding.trim().toLowerCase() !== 'chunked') || codings.length > 1)
    throw new DAuthError(
      'RESPONSE_UNSCANNABLE',
      'The upstream answered in a transfer encoding that cannot be checked.',
    );
}

function codingOf(headers: AnswerHead['headers']): ContentCoding {
  const names = valuesOf(headers, 'content-encoding').join(',').toLowerCase().replaceAll(/[ \t]/g, '');
  const coding = CODINGS[names];
  if (coding === undefined) {
    throw new DAuthError('RESPONSE_UNSCANNABLE', 'The upstream answered in a content encoding that cannot be checked.');
  }
  return coding;
}

function valuesOf(headers: AnswerHead['headers'], name: string): string[] {
  return headers.flatMap(([other, value]) => (other === name ? [value] : []));
}
