/**
 * The executor's durable, hash-chained audit (§6): what is acknowledged here survives `kill -9` and a power cut.
 * Never acknowledges before `fdatasync`, never takes an intent without space for its outcome, and never goes on after a
 * failed write: then nobody knows what is on disk.
 */
import { DAuthError } from '@dauth/protocol';
import { chainLine, MAX_LINE, type Head } from './journal-format.ts';
import type { Segment, SegmentFiles } from './segment.ts';

/** Facts of a line besides `seq`, `prev`, `time` and `kind`. Never a value that a caller sent but names and paths. */
export type Facts = Readonly<Record<string, unknown>>;

/** An intent on disk, with the right to one outcome. */
export interface Intent {
  readonly head: Head;
  /** Writes the outcome into the space reserved for it; counts once. */
  outcome(facts: Facts): Promise<void>;
}

export interface JournalOptions {
  readonly files: SegmentFiles;
  readonly segmentBytes: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Where an opened journal goes on; made by `recoverJournal`. */
export interface JournalTail {
  readonly head: Head;
  readonly segment: Segment | undefined;
  readonly offset: number;
}

/** Octets kept for each outcome, and for the line that says the journal ended. */
const OUTCOME_BYTES = 512;
const STOP_BYTES = 512;
/** One write is at most this long, so that recovery knows how far a torn one can reach. */
export const MAX_BATCH = 262_144;

type Use = 'intent' | 'outcome' | 'note' | 'stop';
interface Waiting {
  readonly use: Use;
  readonly kind: string;
  readonly facts: Facts;
  readonly done: (head: Head) => void;
  readonly failed: (error: DAuthError) => void;
}

export class Journal {
  readonly #options: JournalOptions;
  #segment: Segment | undefined;
  #offset: number;
  #head: Head;
  #reserved = STOP_BYTES;
  #waiting: Waiting[] = [];
  #isWriting = false;
  #broken = false;

  constructor(options: JournalOptions, tail: JournalTail) {
    this.#options = options;
    this.#segment = tail.segment;
    this.#offset = tail.offset;
    this.#head = tail.head;
  }

  /** The last durable line. */
  get head(): Head {
    return this.#head;
  }

  /** False once a write failed; nothing is dispatched until a restart has looked at what is on disk. */
  get isWritable(): boolean {
    return !this.#broken;
  }

  /**
   * Step 5: records that a dispatch is about to happen. Durable, with its outcome's space reserved, when it settles.
   * @throws DAuthError `AUDIT_UNAVAILABLE`
   */
  async intent(facts: Facts): Promise<Intent> {
    const head = await this.#append('intent', 'intent', facts);
    let open = true;
    return {
      head,
      outcome: async (outcome) => {
        if (!open) return;
        open = false;
        await this.#append('outcome', 'outcome', { intent: head.seq, ...outcome });
      },
    };
  }

  /** Records anything else, in space that no outcome needs. @throws DAuthError `AUDIT_UNAVAILABLE` */
  async note(kind: string, facts: Facts): Promise<void> {
    await this.#append('note', kind, facts);
  }

  /** Says that the run ended by itself, in space kept for it. Nothing is taken afterwards. */
  async stop(): Promise<void> {
    await this.#append('stop', 'stop', {});
    this.#broken = true;
    await this.#segment?.close();
  }

  #append(use: Use, kind: string, facts: Facts): Promise<Head> {
    return new Promise((done, failed) => {
      this.#waiting.push({ use, kind, facts, done, failed });
      if (!this.#isWriting) void this.#write();
    });
  }

  /** Group commit: whoever comes during a sync shares the next one. */
  async #write(): Promise<void> {
    this.#isWriting = true;
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      if (this.#broken) {
        this.#refuse(this.#waiting.splice(0));
        break;
      }
      const { taken, content, head, reserved } = this.#takeBatch();
      if (taken.length === 0) {
        await this.#roll();
        continue;
      }
      try {
        await this.#segment!.write(content, this.#offset);
      } catch (cause) {
        this.#broken = true;
        this.#refuse(
          taken.map(({ item }) => item),
          cause,
        );
        continue;
      }
      this.#offset += content.length;
      this.#head = head;
      this.#reserved += reserved;
      for (const { item, head: own } of taken) item.done(own);
    }
    // In the same tick as the last look at the queue: nobody can come in between and be forgotten.
    this.#isWriting = false;
  }

  /** Chains as many waiting lines as fit one write and the segment, besides what is reserved. */
  #takeBatch(): { taken: { item: Waiting; head: Head }[]; content: Buffer; head: Head; reserved: number } {
    const time = new Date(this.#options.now()).toISOString();
    const taken: { item: Waiting; head: Head }[] = [];
    const parts: Buffer[] = [];
    let [head, bytes, reserved] = [this.#head, 0, 0];
    for (const item of this.#waiting) {
      const line = chainLine(head, time, item.kind, item.facts);
      const octets = Buffer.from(`${line.text}\n`, 'utf8');
      const reserves = RESERVES[item.use];
      const needs = Math.max(0, octets.length + reserves) + this.#reserved + reserved;
      if (
        octets.length > MAX_LINE ||
        bytes + octets.length > MAX_BATCH ||
        this.#offset + bytes + needs > (this.#segment?.size ?? 0)
      )
        break;
      parts.push(octets);
      taken.push({ item, head: line.head });
      head = line.head;
      bytes += octets.length;
      reserved += reserves;
    }
    this.#waiting.splice(0, taken.length);
    return { taken, content: Buffer.concat(parts), head, reserved };
  }

  /** A new segment for what no longer fits; where there is no space for one, only what needed it is refused. */
  async #roll(): Promise<void> {
    const [next] = this.#waiting;
    const isTooLong = Buffer.byteLength(chainLine(this.#head, '', next!.kind, next!.facts).text) > MAX_LINE - 64;
    const isTooMany = this.#reserved > this.#options.segmentBytes / 2;
    try {
      if (isTooLong || isTooMany) throw new RangeError('no segment can take this');
      const segment = await this.#options.files.create(this.#head.seq + 1, this.#options.segmentBytes);
      await this.#segment?.close();
      this.#segment = segment;
      this.#offset = 0;
    } catch (cause) {
      this.#refuse(this.#waiting.splice(0, 1), cause);
    }
  }

  #refuse(items: readonly Waiting[], cause?: unknown): void {
    for (const item of items) item.failed(new DAuthError('AUDIT_UNAVAILABLE', undefined, { cause }));
  }
}

/** How each use changes what is reserved: an intent takes its outcome's space, an outcome gives it back. */
const RESERVES: Readonly<Record<Use, number>> = {
  intent: OUTCOME_BYTES,
  outcome: -OUTCOME_BYTES,
  note: 0,
  stop: -STOP_BYTES,
};
