/**
 * The words of RFC 6455 §5 frames, and how one is written: by us, never passed on as it came.
 * Never an extension: the three reserved bits are always zero, so that what is scanned is what was meant.
 */
import { randomFillSync } from 'node:crypto';
import { copyOctets, ownedBytes } from '../secret/memory.ts';

export type MessageKind = 'text' | 'binary';

/** RFC 6455 §5.2. */
export const OPCODE = Object.freeze({ continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 });

/** RFC 6455 §5.5. */
export const MAX_CONTROL = 125;

/** RFC 6455 §7.4.1, and 1014 of the registry: a gateway whose upstream gave an answer that is none. */
export const CLOSE = Object.freeze({
  goingAway: 1001,
  protocol: 1002,
  notText: 1007,
  policy: 1008,
  tooBig: 1009,
  badUpstream: 1014,
});

/** What a peer did that no peer may do: the code it is told. */
export class FrameError extends Error {
  readonly code: number;

  constructor(code: number) {
    super('A WebSocket frame is not as it must be.');
    this.code = code;
  }
}

/** Whose frames: a client masks each with a key of its own, a server none (RFC 6455 §5.1). */
export type Sender = 'client' | 'server';

/** One frame in owned memory; whoever takes it zeroes it. `payload` is left to its owner. */
export function writeFrame(sender: Sender, opcode: number, isLast: boolean, payload: Uint8Array): Buffer {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const masking = sender === 'client' ? 4 : 0;
  const frame = ownedBytes(2 + extended + masking + length);
  frame[0] = (isLast ? 0x80 : 0) | opcode;
  frame[1] = (masking === 0 ? 0 : 0x80) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) frame.writeUInt16BE(length, 2);
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  const body = frame.subarray(2 + extended + masking);
  copyOctets(body, payload);
  // RFC 6455 §5.3: from a strong source of entropy, another one for each frame.
  if (masking > 0) mask(body, randomFillSync(frame.subarray(2 + extended, 6 + extended)), 0);
  return frame;
}

/** Masks, or unmasks, in place. @param at of how many octets of the payload this is the continuation */
export function mask(octets: Uint8Array, key: Uint8Array, at: number): void {
  for (let i = 0; i < octets.length; i++) octets[i]! ^= key[(at + i) & 3]!;
}
