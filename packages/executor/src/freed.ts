/**
 * What the C library does with memory that is freed. OpenSSL frees the octets it read a key from as they are, and whoever gets
 * such memory next overwrites some of it only; so the process is started in a way that has all of it overwritten.
 * Never trusted because it was asked for: whether it is so is tried.
 */

/** What freed memory is filled with, and, each bit turned, what is given out. */
const FILL = 0xa5;

/**
 * Environment for the GNU C library (its manual, "Memory Allocation Tunables"). Blocks that a thread keeps at hand for itself
 * (`tcache`) are not overwritten, so there are none.
 */
export const OVERWRITING: Readonly<Record<string, string>> = {
  GLIBC_TUNABLES: `glibc.malloc.perturb=${FILL}:glibc.malloc.tcache_count=0`,
};

/**
 * Octets of blocks: each size that could be kept at hand, from what the garbage-collected heap has no place for, and one that is
 * smaller than what gets pages of its own.
 */
const TRIED = [...Array.from({ length: 60 }, (_, step) => 72 + 16 * step), 4_000];
/** More than one, because one may never have been given out before. */
const TIMES = 7;

let isKnown = false;

/**
 * Whether memory comes out as this process was started for; other C libraries know nothing of it. Tried until it is so once: the
 * C library reads what it is told when the process starts, and to try takes a millisecond and more, in which no call goes on.
 */
export function isFreedOverwritten(): boolean {
  isKnown ||= isSo();
  return isKnown;
}

function isSo(): boolean {
  return TRIED.every((length) => {
    // All of them at a time, or the same block would come back.
    const blocks = Array.from({ length: TIMES }, () => Buffer.allocUnsafeSlow(length));
    return blocks.every((block) => block.every((octet) => octet === (FILL ^ 0xff)));
  });
}
