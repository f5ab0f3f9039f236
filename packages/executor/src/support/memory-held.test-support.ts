/** What was made in memory of our own: watched while a call runs, or kept for the look; and the control, which drops some of it. */
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
  watchOwned((buffer) => {
    held.push(buffer);
    size += buffer.byteLength;
    while (size > most) {
      size -= held[oldest]!.byteLength;
      held[oldest++] = undefined;
    }
  });
}

/** What a call gives, and all that it made in memory of our own on the way, as it is now. */
export function ownedDuring<T>(call: () => T): { readonly given: T; readonly made: readonly Buffer[] } {
  const made: Buffer[] = [];
  const stop = watchOwned((buffer) => made.push(Buffer.from(buffer)));
  try {
    return { given: call(), made };
  } finally {
    stop();
  }
}

/** @returns what ends it */
export function watchOwned(see: (buffer: ArrayBuffer) => void): () => void {
  const own = globalThis.ArrayBuffer;
  globalThis.ArrayBuffer = new Proxy(own, {
    construct(target, given: [number], made) {
      const buffer = Reflect.construct(target, given, made) as ArrayBuffer;
      see(buffer);
      return buffer;
    },
  });
  return () => void (globalThis.ArrayBuffer = own);
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
