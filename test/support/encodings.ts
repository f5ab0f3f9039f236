/**
 * Every spelling in which a secret can stand in memory or on a wire, as byte strings to search for. Shared by the memory
 * scan and the wire searches; decides nothing about where to look.
 */

export interface Needle {
  /** What spelling it is: `utf-8`, `base64+1`, `hex` … */
  readonly encoding: string;
  readonly bytes: Buffer;
}

/** Fewer bytes than this turn up by chance, so such a needle would prove nothing. */
const SHORTEST = 6;

/**
 * The spellings of `secret`: as it is, UTF-16 both ways, base64 and base64url at the three alignments a neighbour can give
 * it, hex in both cases, percent-encoding (only what must be, and every octet), JSON escapes, and back to front. Spellings
 * that coincide are listed once.
 */
export function needlesOf(secret: Uint8Array): readonly Needle[] {
  const bytes = Buffer.from(secret);
  const text = bytes.toString('latin1');
  const hex = bytes.toString('hex');
  const all: Needle[] = [
    { encoding: 'utf-8', bytes },
    { encoding: 'utf-16le', bytes: Buffer.from(text, 'utf16le') },
    { encoding: 'utf-16be', bytes: Buffer.from(text, 'utf16le').swap16() },
    ...[0, 1, 2].map((shift) => ({ encoding: `base64+${shift}`, bytes: base64At(bytes, shift, 'base64') })),
    ...[0, 1, 2].map((shift) => ({ encoding: `base64url+${shift}`, bytes: base64At(bytes, shift, 'base64url') })),
    { encoding: 'hex', bytes: Buffer.from(hex) },
    { encoding: 'HEX', bytes: Buffer.from(hex.toUpperCase()) },
    { encoding: 'percent', bytes: Buffer.from(percent(bytes, /[A-Za-z0-9._~-]/)) },
    { encoding: 'percent-all', bytes: Buffer.from(percent(bytes, /$^/)) },
    { encoding: 'percent-all-lower', bytes: Buffer.from(percent(bytes, /$^/).toLowerCase()) },
    { encoding: 'json', bytes: Buffer.from(JSON.stringify(text).slice(1, -1), 'latin1') },
    // As a number library or a careless disguise leaves it.
    { encoding: 'reversed', bytes: Buffer.from(bytes.toReversed()) },
  ];
  const seen = new Set<string>();
  return all.filter((needle) => {
    const key = needle.bytes.toString('latin1');
    if (needle.bytes.length < SHORTEST || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Base64 of `bytes` after `shift` unknown octets: only the characters that no neighbour can change. */
function base64At(bytes: Buffer, shift: number, alphabet: 'base64' | 'base64url'): Buffer {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString(alphabet);
  const first = Math.ceil((shift * 8) / 6);
  const end = Math.floor(((shift + bytes.length) * 8) / 6);
  return Buffer.from(text.slice(first, end));
}

function percent(bytes: Buffer, isPlain: RegExp): string {
  return Array.from(bytes, (octet) => {
    const character = String.fromCharCode(octet);
    return isPlain.test(character) ? character : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

/** Every window of `length` octets of a secret: what is found when only a piece of it survived. */
export function piecesOf(secret: Uint8Array, length = 8): readonly Buffer[] {
  const bytes = Buffer.from(secret);
  return Array.from({ length: Math.max(0, bytes.length - length + 1) }, (_, at) => bytes.subarray(at, at + length));
}

/** How often `needle` occurs, overlapping occurrences included. */
export function countIn(haystack: Buffer, needle: Buffer): number {
  let count = 0;
  for (let at = haystack.indexOf(needle); at !== -1; at = haystack.indexOf(needle, at + 1)) count++;
  return count;
}

/** The spellings of `secret` that occur in `haystack`; empty where it is clean. */
export function findSecret(haystack: Uint8Array | string, secret: Uint8Array): readonly string[] {
  const bytes = typeof haystack === 'string' ? Buffer.from(haystack) : Buffer.from(haystack);
  return needlesOf(secret)
    .filter((needle) => bytes.includes(needle.bytes))
    .map((needle) => needle.encoding);
}
