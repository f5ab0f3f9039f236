/**
 * Octets that an operation allocates, counted rather than timed: how far the young objects and the buffers beside them have grown,
 * with room for all of it and nobody who collects or compiles meanwhile. Under `FLAGS` alone: else both do as they like.
 */
import { getHeapSpaceStatistics } from 'node:v8';

/**
 * Interpreted, because a compiler leaves out what it can prove that nobody needs, and when it comes depends on the machine; in one
 * thread, so that no other one frees or compiles; with room for a whole window, so that nothing is collected in it;
 * and with tables that lie the same way each time.
 */
export const FLAGS: readonly string[] = [
  ...['--no-opt', '--no-maglev', '--no-sparkplug', '--no-lazy-feedback-allocation', '--no-flush-bytecode'],
  ...['--single-threaded-gc', '--no-concurrent-array-buffer-sweeping', '--no-memory-reducer', '--expose-gc'],
  ...['--min-semi-space-size=64', '--max-semi-space-size=64', '--hash-seed=1', '--random-seed=1'],
];

/** Ahead of what counts: caches are filled, and expressions compiled. */
const WARM_UP = 12;
const YOUNG: ReadonlySet<string> = new Set(['new_space', 'new_large_object_space']);
const [WINDOWS, PER_WINDOW] = [3, 12];

/** Of one operation: the middle one of several windows, so that a collection in one of them, if ever there is one, does not count. */
export function countOctets(operation: () => unknown): number {
  for (let left = WARM_UP; left > 0; left--) operation();
  const windows = Array.from({ length: WINDOWS }, () => {
    globalThis.gc!();
    const before = inUse();
    for (let left = PER_WINDOW; left > 0; left--) operation();
    return (inUse() - before) / PER_WINDOW;
  });
  return Math.round(windows.toSorted((a, b) => a - b)[WINDOWS >> 1]!);
}

/** Old objects do not count: V8 keeps its caches and what it learns of the code among them, and renews both when it pleases. */
function inUse(): number {
  const young = getHeapSpaceStatistics().filter(({ space_name: name }) => YOUNG.has(name));
  return young.reduce((sum, { space_used_size: used }) => sum + used, process.memoryUsage().arrayBuffers);
}
