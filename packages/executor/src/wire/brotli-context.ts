/**
 * By what the two octets before it say, which code a literal of Brotli has (RFC 7932 §7.1). Tables only.
 */

/** ASCII by what it is to text: the upper half of a context for the octet before, by its code. */
// prettier-ignore
const LAST_ASCII = [
  0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  8, 12, 16, 12, 12, 20, 12, 16, 24, 28, 12, 12, 32, 12, 36, 12, 44, 44, 44, 44, 44, 44, 44, 44, 44, 44, 32, 32, 24, 40, 28, 12,
  12, 48, 52, 52, 52, 48, 52, 52, 52, 48, 52, 52, 52, 52, 52, 48, 52, 52, 52, 52, 52, 48, 52, 52, 52, 52, 52, 24, 12, 28, 12, 12,
  12, 56, 60, 60, 60, 56, 60, 60, 60, 56, 60, 60, 60, 60, 60, 56, 60, 60, 60, 60, 60, 56, 60, 60, 60, 60, 60, 24, 12, 28, 12, 0,
];
const LAST = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet < 128 ? LAST_ASCII[octet]! : (octet < 192 ? 0 : 2) + (octet & 1),
);
const BEFORE = Uint8Array.from({ length: 256 }, (_, octet) => {
  if (octet >= 128) return octet < 224 ? 0 : 2;
  const character = String.fromCharCode(octet);
  if (/[a-z]/.test(character)) return 3;
  if (/[A-Z0-9]/.test(character)) return 2;
  return octet <= 32 || octet === 127 ? 0 : 1;
});
const SIGNED = Uint8Array.from({ length: 256 }, (_, octet) =>
  [1, 16, 64, 128, 192, 240, 255].reduce((size, from) => size + (octet >= from ? 1 : 0), 0),
);

/** @param mode LSB6, MSB6, UTF8, Signed @param last the octet before @param before the one before that */
export function contextOf(mode: number, last: number, before: number): number {
  switch (mode) {
    case 0:
      return last & 63;
    case 1:
      return last >> 2;
    case 2:
      return LAST[last]! | BEFORE[before]!;
    default:
      return (SIGNED[last]! << 3) | SIGNED[before]!;
  }
}
