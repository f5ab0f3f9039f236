/** Content encodings in tests: bodies of every kind, cut into pieces, and decoded to the end. */
import fc from 'fast-check';
import type { ContentCoding } from '../wire/answer.ts';
import { Decoder } from '../wire/decode.ts';

export async function decode(
  coding: Exclude<ContentCoding, 'identity'>,
  pieces: readonly Uint8Array[],
): Promise<Buffer> {
  const parts: Buffer[] = [];
  using decoder = new Decoder(coding, (octets) => parts.push(Buffer.from(octets)));
  for (const piece of pieces) await decoder.push(piece);
  await decoder.end();
  return Buffer.concat(parts);
}

export function cut(octets: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(octets.length / size) }, (_, i) => octets.subarray(i * size, (i + 1) * size));
}

/** What repeats in every way: nothing, one octet, near, far, and text. */
export const bodies = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(300))
        .map(([part, n]) => Buffer.concat(Array.from({ length: n }, () => part))),
      fc.string({ maxLength: 400 }).map((text) => Buffer.from(text)),
      fc.constantFrom(...[1, 2, 3].map((n) => Buffer.alloc(n * 30_000, `${n}-`))),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Buffer.concat(parts));

/** Null where it was refused. */
export async function attempt(run: () => Promise<Buffer>): Promise<Buffer | null> {
  try {
    return await run();
  } catch {
    return null;
  }
}
