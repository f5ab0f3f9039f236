/**
 * Budgets: how many dispatches of a connection in each window of time, durable before they count. A part of the budget is
 * claimed on disk ahead of its use, so that a crash loses a little of it and never gives any back.
 * Never goes back in time: a clock that was set back stays in the newest window there was.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { DAuthError, decodeUtf8, exactObject, integer, parseHandle, parseJson, type Quota } from '@dauth/protocol';
import { readIfPresent, replaceDurably } from '../journal/files.ts';
import type { QuotaState } from './rates.ts';

const FILE = 'budgets.jsonl';
const MAX_LINE = 1_024;
/** Budgets that are counted at a time; one more is refused until a window of another one is over. */
const MOST = 65_536;
/** A claim is this part of a budget, and at most so much: what a crash can lose. */
const CLAIM = { part: 64, most: 256 } as const;
/** Lines after which the file is written anew. */
const COMPACT_AFTER = 100_000;

interface Spent {
  readonly seconds: number;
  /** Seconds since the epoch at which the window began. */
  readonly start: number;
  used: number;
  /** Durable, or about to be. */
  claimed: number;
  /** Until the last claim is durable. */
  synced: Promise<void>;
}

export class Budgets {
  readonly #path: string;
  readonly #now: () => number;
  readonly #spent: Map<string, Spent>;
  /** No window that began before this one is ever opened again. */
  #floor: number;
  #file: FileHandle | undefined;
  #lines = 0;
  #writing: Promise<void> = Promise.resolve();
  #broken = false;

  private constructor(path: string, now: () => number, spent: Map<string, Spent>) {
    this.#path = path;
    this.#now = now;
    this.#spent = spent;
    this.#floor = Math.max(0, ...[...spent.values()].map(({ start }) => start));
  }

  /**
   * @param now seconds since the epoch
   * @throws TypeError with a sentence for the operator where the file is damaged
   */
  static async open(directory: string, now: () => number): Promise<Budgets> {
    const path = join(directory, FILE);
    const budgets = new Budgets(path, now, readSpent(path));
    await budgets.#compact();
    return budgets;
  }

  /**
   * Counts one where there is one left; durable when the promise settles.
   * @throws DAuthError `AUDIT_UNAVAILABLE` where it cannot be written down
   */
  async take(handle: string, { count, seconds }: Quota): Promise<{ isTaken: boolean; state: QuotaState }> {
    if (this.#broken) throw new DAuthError('AUDIT_UNAVAILABLE');
    const now = Math.max(this.#now(), this.#floor);
    const start = now - (now % seconds);
    const state = (spent: Spent | undefined): QuotaState => ({
      ...{ count, seconds, remaining: Math.max(0, count - (spent?.used ?? count)) },
      resetSeconds: Math.max(1, start + seconds - now),
    });
    const spent = this.#open(handle, seconds, start);
    if (spent === undefined || spent.used >= count) return { isTaken: false, state: state(spent) };
    spent.used++;
    if (spent.used > spent.claimed) {
      const more = Math.min(CLAIM.most, Math.max(1, Math.floor(count / CLAIM.part)));
      spent.claimed = Math.min(count, spent.claimed + more);
      spent.synced = this.#append(lineOf(handle, spent));
    }
    await spent.synced;
    return { isTaken: true, state: state(spent) };
  }

  async close(): Promise<void> {
    this.#broken = true;
    await this.#writing.catch(() => undefined);
    await this.#file?.close();
    this.#file = undefined;
  }

  #open(handle: string, seconds: number, start: number): Spent | undefined {
    const known = this.#spent.get(handle);
    // The same window, or a later one that this clock has not reached again.
    if (known?.seconds === seconds && known.start >= start) return known;
    if (known === undefined && this.#spent.size >= MOST) this.#forget();
    if (known === undefined && this.#spent.size >= MOST) return undefined;
    const spent = { seconds, start, used: 0, claimed: 0, synced: Promise.resolve() };
    this.#spent.set(handle, spent);
    this.#floor = Math.max(this.#floor, start);
    return spent;
  }

  #forget(): void {
    const now = Math.max(this.#now(), this.#floor);
    for (const [handle, { start, seconds }] of this.#spent) if (start + seconds <= now) this.#spent.delete(handle);
  }

  /** One line after the other: whoever waits for the second waits for the first. */
  #append(line: string): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      try {
        if (this.#broken || this.#file === undefined) throw new Error('closed');
        if (++this.#lines > COMPACT_AFTER) return await this.#compact();
        await this.#file.appendFile(`${line}\n`);
        await this.#file.datasync();
      } catch (cause) {
        // After a failed write nobody knows what is on disk: nothing more counts.
        this.#broken = true;
        throw new DAuthError('AUDIT_UNAVAILABLE', undefined, { cause });
      }
    });
    return this.#writing;
  }

  async #compact(): Promise<void> {
    await this.#file?.close();
    this.#forget();
    const lines = [...this.#spent].map(([handle, spent]) => `${lineOf(handle, spent)}\n`);
    await replaceDurably(this.#path, Buffer.from(lines.join(''), 'utf8'));
    this.#file = await open(this.#path, 'a', 0o600);
    this.#lines = 0;
  }
}

function lineOf(handle: string, { seconds, start, claimed }: Spent): string {
  return JSON.stringify({ handle, seconds, start, claimed });
}

/** What stands behind the last line end was never acknowledged. All that was claimed counts as used. */
function readSpent(path: string): Map<string, Spent> {
  const spent = new Map<string, Spent>();
  const lines = decodeUtf8(readIfPresent(path) ?? new Uint8Array(0))
    .split('\n')
    .slice(0, -1);
  try {
    for (const text of lines) {
      const line = exactObject(parseJson(text, MAX_LINE), 'A line', ['handle', 'seconds', 'start', 'claimed']);
      const [seconds, start, claimed] = [line.seconds, line.start, line.claimed].map((value) =>
        integer(value, 'a number', 0, Number.MAX_SAFE_INTEGER),
      );
      const used = { seconds: seconds!, start: start!, used: claimed!, claimed: claimed! };
      spent.set(parseHandle(line.handle), { ...used, synced: Promise.resolve() });
    }
  } catch (cause) {
    throw new TypeError(`${path} is damaged. Restore it from your backup; without it budgets would begin anew.`, {
      cause,
    });
  }
  return spent;
}
