/**
 * Path patterns and raw request paths, compared byte for byte (§2 "path pattern").
 * Never normalizes: a path that two parsers could read differently is refused, not mended.
 */
import { DAuthError } from './errors.ts';

declare const brand: unique symbol;
/** Segments of literals and `*`, with `**` only as the last one. */
export type PathPattern = string & { readonly [brand]: 'PathPattern' };

const MAX_PATH = 4_096;
/** RFC 3986 §3.3 `pchar`, whole segments only. */
const SEGMENT = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*$/;
/** Octets some servers take for a separator or an end after decoding: NUL, slash, backslash. */
const ENCODED_BREAK = /%(?:00|2f|5c)/i;

/** @throws DAuthError `INVALID_REQUEST` */
export function parsePathPattern(value: unknown): PathPattern {
  if (typeof value !== 'string' || value.length > MAX_PATH || !value.startsWith('/')) {
    throw malformed('A path pattern must start with "/".');
  }
  const segments = split(value);
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    if (segment === '*' || (last && (segment === '**' || segment === ''))) return;
    if (segment === '' || segment.includes('*')) {
      throw malformed(
        'In a path pattern "*" stands for one whole segment and "**" only at the end; no segment is empty.',
      );
    }
    if (!SEGMENT.test(segment) || ENCODED_BREAK.test(segment) || isDots(segment)) {
      throw malformed('A path pattern has a segment that no request path may have.');
    }
  });
  return value as PathPattern;
}

/**
 * Refuses a raw request path (before `?`) that is not one plain list of segments.
 * An encoded slash, backslash or NUL passes here and is matched by a final `**` only (`matchesPath`).
 * @throws DAuthError `POLICY_DENIED`
 */
export function assertRequestPath(rawPath: string): void {
  if (!isRequestPath(rawPath)) throw denied();
}

/** Whether a raw path is one plain list of segments; what `assertRequestPath` refuses otherwise. */
export function isRequestPath(rawPath: string): boolean {
  if (rawPath.length > MAX_PATH || !rawPath.startsWith('/')) return false;
  const segments = split(rawPath);
  return segments.every((segment, index) => {
    if (segment === '' && index < segments.length - 1) return false;
    return SEGMENT.test(segment) && !isDots(segment);
  });
}

/** Whether a raw request path, already asserted, is inside a pattern. */
export function matchesPath(pattern: PathPattern, rawPath: string): boolean {
  const wanted = split(pattern);
  const given = split(rawPath);
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '**') return given.length > i;
    const segment = given[i];
    if (segment === undefined || ENCODED_BREAK.test(segment)) return false;
    if (wanted[i] === '*' ? segment === '' : segment !== wanted[i]) return false;
  }
  return given.length === wanted.length;
}

/** Whether every path inside `inner` is inside `outer`; decided segment by segment and nothing cleverer. */
export function coversPattern(outer: PathPattern, inner: PathPattern): boolean {
  return coversSegments(segmentsOf(outer), segmentsOf(inner));
}

/** `coversPattern` for callers that compare one pattern with many and split each once (`segmentsOf`). */
export function coversSegments(wide: readonly string[], narrow: readonly string[]): boolean {
  for (let i = 0; i < wide.length; i++) {
    if (wide[i] === '**') return narrow.length > i;
    const segment = narrow[i];
    if (segment === undefined || segment === '**') return false;
    if (wide[i] === '*' ? segment === '' : segment !== wide[i]) return false;
  }
  return narrow.length === wide.length;
}

export function segmentsOf(pattern: PathPattern): readonly string[] {
  return split(pattern);
}

function split(path: string): string[] {
  return path.slice(1).split('/');
}

/** A segment that is `.` or `..` to somebody: after decoding, between decoded separators, before a `;` parameter. */
function isDots(segment: string): boolean {
  const decoded = segment.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return decoded.split(/[/\\]/).some((part) => /^\.{1,2}$/.test(part.split(';', 1)[0]!.replaceAll('\0', '')));
}

function malformed(detail: string): DAuthError {
  return new DAuthError('INVALID_REQUEST', detail);
}

function denied(): DAuthError {
  return new DAuthError(
    'POLICY_DENIED',
    'The path has empty or dot segments, or characters that are not allowed in a path; send it plainly.',
  );
}
