/** Waiting for events in tests: never for a time that somebody guessed. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const DEADLINE_MS = 10_000;

/** Returns once `holds`; fails by an assertion where that never happens. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = performance.now() + DEADLINE_MS; performance.now() < end; await sleep(5)) if (holds()) return;
  assert.fail(`It never came to this: ${what}.`);
}
