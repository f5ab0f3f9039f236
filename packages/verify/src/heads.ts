/**
 * Headers of proofs, each with the key in it: a signer's are the same text every time, so it is decoded, parsed and imported once.
 * Only headers of proofs whose signature verified, so that nobody fills the table with what they could not sign.
 * Never says that a signature is good, nor that a key means anything.
 */
import { frozen, type JsonObject } from '@dauth/protocol';
import type { PointKey } from './key.ts';

export interface Head {
  /** Frozen, whatever is in it too. */
  readonly header: JsonObject;
  readonly key: PointKey;
}

const REMEMBERED = 1_024;
/** Characters; a header with a key of P-256 has some 250. With what is read out of them all take some 4 MB at most. */
const MAX_HEAD = 1_024;
const remembered = new Map<string, Head>();

/** By the text of a compact JWS up to its first dot. The least recently used one makes room. */
export function findHead(compact: string): Head | undefined {
  const text = headOf(compact);
  const head = remembered.get(text);
  if (head === undefined) return undefined;
  remembered.delete(text);
  remembered.set(text, head);
  return head;
}

/** Of a compact JWS that verified by the key in its header. */
export function keepHead(compact: string, { header, key }: Head): void {
  const text = headOf(compact);
  if (text.length > MAX_HEAD) return;
  // A slice would keep the whole proof in memory that it is a piece of.
  remembered.set(Buffer.from(text, 'latin1').toString('latin1'), { header: frozen(header), key });
  if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value!);
}

/** How many are remembered now. */
export function rememberedHeads(): number {
  return remembered.size;
}

function headOf(compact: string): string {
  return compact.slice(0, compact.indexOf('.'));
}
