/**
 * Documents of others, fetched with care and remembered: issuers' metadata and keys.
 * Never a lever for strangers: one fetch a URL at a time, a pause after each, a bound on hosts, fetches and memory, so that
 * whoever makes the authority look somewhere cannot make it look often.
 */
import type { JsonObject } from '@dauth/protocol';
import { OutsideError } from './fault.ts';
import { readDocument, type Reading } from './read.ts';

export interface OutsideOptions extends Reading {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** How long a document is used at least and at most, whatever its headers say, in milliseconds. */
  readonly leastMs: number;
  readonly mostMs: number;
  /** How long the last good document serves beyond that while fetching fails, in milliseconds. */
  readonly lastGoodMs: number;
  /** Pause after each fetch of a URL, good or bad, in milliseconds. */
  readonly coolDownMs: number;
  /** URLs that are remembered, and hosts that may be asked within a minute. */
  readonly entries: number;
  /** Fetches under way at once, and fetches from one host within a minute. */
  readonly atOnce: number;
  readonly perHost: number;
}

interface Entry {
  good?: { readonly value: JsonObject; readonly until: number };
  failure?: OutsideError;
  triedAt?: number;
  running?: Promise<void> | undefined;
}

const MINUTE_MS = 60_000;

export class OutsideDocuments {
  readonly #options: OutsideOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #hosts = new Map<string, { readonly since: number; count: number }>();
  #underWay = 0;

  constructor(options: OutsideOptions) {
    const { leastMs, mostMs, coolDownMs, entries, atOnce } = options;
    if (leastMs < coolDownMs || mostMs < leastMs) throw new TypeError('coolDownMs ≤ leastMs ≤ mostMs');
    if (entries <= atOnce) throw new TypeError('entries must be more than atOnce');
    this.#options = options;
  }

  /**
   * The document at a URL, from memory where it is fresh.
   * @param refresh also where it is fresh, but not within the pause after a fetch
   * @throws OutsideError
   */
  async get(url: string, refresh = false): Promise<JsonObject> {
    const { now, coolDownMs, lastGoodMs } = this.#options;
    const entry = this.#entry(url);
    if (!refresh && entry.good !== undefined && now() < entry.good.until) return entry.good.value;
    const isPausing = entry.triedAt !== undefined && now() - entry.triedAt < coolDownMs;
    entry.running ??= isPausing ? undefined : this.#fetch(url, entry).finally(() => delete entry.running);
    await entry.running;
    if (entry.good !== undefined && now() < entry.good.until + lastGoodMs) return entry.good.value;
    throw entry.failure ?? new OutsideError('unreachable');
  }

  async #fetch(url: string, entry: Entry): Promise<void> {
    const { now, atOnce } = this.#options;
    entry.triedAt = now();
    try {
      if (this.#underWay >= atOnce || !this.#mayAsk(url)) throw new OutsideError('busy');
      this.#underWay++;
      try {
        const { value, cacheControl } = await readDocument(url, this.#options);
        entry.good = { value, until: now() + this.#freshMs(cacheControl) };
        delete entry.failure;
      } finally {
        this.#underWay--;
      }
    } catch (error) {
      if (!(error instanceof OutsideError)) throw error;
      entry.failure = error;
    } finally {
      entry.triedAt = now();
    }
  }

  /** `max-age` within the bounds; without one, or where nothing should be stored, the least (RFC 9111 §5.2.2). */
  #freshMs(cacheControl = ''): number {
    const { leastMs, mostMs } = this.#options;
    const directives = cacheControl
      .toLowerCase()
      .split(',')
      .map((part) => part.trim());
    if (directives.some((each) => /^no-(?:store|cache)\b/.test(each))) return leastMs;
    const [, seconds = '0'] = directives.map((each) => /^max-age="?(\d{1,9})"?$/.exec(each)).find(Boolean) ?? [];
    return Math.min(mostMs, Math.max(leastMs, Number(seconds) * 1_000));
  }

  /** The entry of a URL, now the newest; the oldest that nobody waits for makes room. */
  #entry(url: string): Entry {
    const entry = this.#entries.get(url) ?? {};
    this.#entries.delete(url);
    this.#entries.set(url, entry);
    if (this.#entries.size > this.#options.entries) {
      for (const [oldest, { running }] of this.#entries)
        if (running === undefined && oldest !== url) {
          this.#entries.delete(oldest);
          break;
        }
    }
    return entry;
  }

  /** Counts a fetch against its host. Where more hosts were asked than are remembered, nobody new is. */
  #mayAsk(url: string): boolean {
    const { now, entries, perHost } = this.#options;
    const host = URL.canParse(url) ? new URL(url).host : '';
    for (const [each, { since }] of this.#hosts) if (now() - since >= MINUTE_MS) this.#hosts.delete(each);
    const counted = this.#hosts.get(host) ?? { since: now(), count: 0 };
    if (counted.count >= perHost || (counted.count === 0 && this.#hosts.size >= entries)) return false;
    counted.count++;
    this.#hosts.set(host, counted);
    return true;
  }
}
