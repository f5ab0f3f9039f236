/** What a process made in memory of its own, kept for the look; and the control, which drops some of it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ownedBytes } from '../secret/memory.ts';

/**
 * Keeps what is made in memory of our own from being collected. What nobody zeroed is found for certain then: collected, it would
 * be freed, and what is freed is overwritten.
 */
export function holdOwned(most = 64 * 1_024 * 1_024): void {
  // Nothing is taken out at its beginning, which would move all that is behind: there are hundreds of thousands.
  const held: (ArrayBuffer | undefined)[] = [];
  let oldest = 0;
  let size = 0;
  globalThis.ArrayBuffer = new Proxy(ArrayBuffer, {
    construct(target, given: [number], made) {
      const buffer = Reflect.construct(target, given, made) as ArrayBuffer;
      held.push(buffer);
      size += buffer.byteLength;
      while (size > most) {
        size -= held[oldest]!.byteLength;
        held[oldest++] = undefined;
      }
      return buffer;
    },
  });
}

/** What a call would leave behind that zeroed nothing; then all that can be collected is. */
export function forget(inverted: Buffer): void {
  leave(inverted);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
}

/** By itself: whoever has a call under way still has its variables. */
function leave(inverted: Buffer): void {
  const made = ownedBytes(inverted.length);
  // One by one: nowhere else do they stand.
  for (const [at, octet] of inverted.entries()) made[at] = octet ^ 0xff;
}
