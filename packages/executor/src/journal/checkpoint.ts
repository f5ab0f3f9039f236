/**
 * Signed checkpoints (§6): every second or 1,000 records the chain's head is signed and goes to the authority with the
 * records, which are read back from disk. Never forgets a record: what was not taken is sent again, also after a restart.
 */
import { join } from 'node:path';
import { exactObject, integer, parseThumbprint, TYP } from '@dauth/protocol';
import { thumbprint, verifyEmbeddedJws } from '@dauth/verify';
import type { Authority } from '../who/authority.ts';
import { readIfPresent, replaceDurably } from './files.ts';
import { EMPTY_HEAD, MAX_LINE, readChain, type Head } from './journal-format.ts';
import type { Journal } from './journal.ts';
import type { Identity } from '../secret/keys.ts';
import type { Log } from '../log.ts';
import type { SegmentFiles } from './segment.ts';

export interface CheckpointOptions {
  readonly data: string;
  readonly identity: Identity;
  readonly journal: Pick<Journal, 'head'>;
  readonly files: Pick<SegmentFiles, 'list' | 'read'>;
  readonly authority: Pick<Authority, 'postRecords'>;
  /** Unix seconds. */
  readonly now: () => number;
  readonly log: Log;
  /** Called before each round, so that counts are written down with it. */
  readonly beforeRound: () => Promise<void>;
}

const EVERY_MS = 1_000;
const LOOK_MS = 100;
const MAX_RECORDS = 1_000;
const MAX_OCTETS = 524_288;
const MAX_JWS = 4_096;
const MAX_BACK_OFF_MS = 10_000;
const FILE = 'checkpoint.jws';

/**
 * The head of the last checkpoint that the authority took.
 * @throws TypeError where the file is no checkpoint by this identity
 */
export function readAcknowledged(data: string, identity: Pick<Identity, 'jkt'>): Head | undefined {
  const file = readIfPresent(join(data, FILE));
  if (file === undefined) return undefined;
  try {
    const { claims, jwk } = verifyEmbeddedJws(file.toString('latin1'), { typ: TYP.checkpoint, maxLength: MAX_JWS });
    if (thumbprint(jwk) !== identity.jkt) throw new TypeError();
    const said = exactObject(claims, 'A checkpoint', ['iss', 'seq', 'hash', 'iat']);
    return { seq: integer(said.seq, '"seq"', 1, Number.MAX_SAFE_INTEGER), hash: parseThumbprint(said.hash, '"hash"') };
  } catch {
    throw new TypeError(`${join(data, FILE)} is no checkpoint of this executor. Restore it from your backup.`);
  }
}

export class Checkpoints {
  readonly #options: CheckpointOptions;
  #acknowledged: Head;
  /** Behind the acknowledged line; unknown after a start, when everything is read once. */
  #cursor: Batch['cursor'] = { first: 0, offset: 0 };
  #hasCursor = false;
  #lastRound = 0;
  #notBefore = 0;
  #backOff = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<boolean> | undefined;

  constructor(options: CheckpointOptions, acknowledged: Head | undefined) {
    this.#options = options;
    this.#acknowledged = acknowledged ?? EMPTY_HEAD;
  }

  /** Sequence number of the last record the authority has. */
  get acknowledged(): number {
    return this.#acknowledged.seq;
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Sends what is left, once, and stops. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    for (let sent = true; sent && this.#pending() > 0;) sent = await this.send();
  }

  #look(): void {
    const now = performance.now();
    const isDue = this.#pending() >= MAX_RECORDS || now - this.#lastRound >= EVERY_MS;
    if (this.#running !== undefined || !isDue || now < this.#notBefore) return;
    this.#lastRound = now;
    this.#running = this.#round().finally(() => (this.#running = undefined));
  }

  async #round(): Promise<boolean> {
    await this.#options.beforeRound();
    return this.#pending() > 0 && this.send();
  }

  #pending(): number {
    return this.#options.journal.head.seq - this.#acknowledged.seq;
  }

  /** One batch: read back, signed, posted, noted. @returns whether the authority took it */
  async send(): Promise<boolean> {
    const { identity, authority, now, data, log } = this.#options;
    try {
      const batch = await this.#readBatch();
      if (batch.head.seq === this.#acknowledged.seq) return false;
      const checkpoint = identity.sign(TYP.checkpoint, { iss: identity.jkt, ...batch.head, iat: now() });
      await authority.postRecords(batch.lines, checkpoint);
      // Lost between these two lines, the batch is sent again and the authority finds that it has it.
      await replaceDurably(join(data, FILE), Buffer.from(checkpoint, 'latin1'));
      this.#acknowledged = batch.head;
      this.#cursor = batch.cursor;
      this.#hasCursor = true;
      this.#backOff = 0;
      return true;
    } catch {
      this.#backOff = Math.min(MAX_BACK_OFF_MS, Math.max(EVERY_MS, this.#backOff * 2));
      this.#notBefore = performance.now() + this.#backOff;
      log('checkpoint.waiting', { acknowledged: this.#acknowledged.seq, head: this.#options.journal.head.seq });
      return false;
    }
  }

  /** The durable lines after the acknowledged one, as many as one checkpoint covers. */
  async #readBatch(): Promise<Batch> {
    const { files, journal } = this.#options;
    const durable = journal.head.seq;
    const batch: Batch = { lines: [], head: this.#acknowledged, cursor: this.#cursor };
    let octets = 0;
    for (const first of await files.list()) {
      if (first < batch.cursor.first || batch.head.seq >= durable) continue;
      const from = first === batch.cursor.first ? batch.cursor.offset : 0;
      const length = this.#hasCursor ? MAX_OCTETS + MAX_LINE : undefined;
      for (const line of readChain(await files.read(first, from, length), undefined)) {
        const isNew = line.head.seq > this.#acknowledged.seq;
        if (isNew) octets += line.text.length;
        if (line.head.seq > durable || batch.lines.length >= MAX_RECORDS || octets > MAX_OCTETS) return batch;
        if (isNew) batch.lines.push(line.text);
        batch.cursor = { first, offset: from + line.end };
        if (isNew) batch.head = line.head;
      }
    }
    return batch;
  }
}

interface Batch {
  readonly lines: string[];
  head: Head;
  /** Where the line after the last one starts. */
  cursor: { readonly first: number; readonly offset: number };
}
