/** Reads a bounded body whole. Never trusts an announced length, and never reads past the bound to be polite. */
import type { Readable } from 'node:stream';
import type { DAuthError } from '@dauth/protocol';

/**
 * @param hold takes room for octets before they are kept, or throws
 * @throws what `tooLarge` makes or `hold` throws, or what destroyed the stream
 */
export async function readAll(
  body: Readable,
  most: number,
  tooLarge: () => DAuthError,
  hold: (octets: number) => void,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of body) {
    octets += (chunk as Buffer).length;
    if (octets > most) throw tooLarge();
    hold((chunk as Buffer).length);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
