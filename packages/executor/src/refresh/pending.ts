/**
 * Envelopes that were made here and are not known to be stored at the authority yet (§6): a file each, whose space is taken
 * before the exchange, so that neither `kill -9` nor a full disk loses a refresh token that an upstream has given.
 * Never a plaintext, and never one file over another.
 */
import { join } from 'node:path';
import { exactObject, isHandle, LIMITS, parseJson, text, type ConnectionHandle } from '@dauth/protocol';
import {
  fillDurably,
  makePrivateDirectory,
  namesIn,
  readIfPresent,
  removeFile,
  reserveDurably,
} from '../journal/files.ts';
import type { Log } from '../log.ts';
import type { Authority } from '../who/authority.ts';

export interface PendingReseal {
  readonly handle: ConnectionHandle;
  /** Compact. */
  readonly envelope: string;
  /** The executor's statement about it. */
  readonly reseal: string;
}

export interface PendingOptions {
  readonly directory: string;
  readonly authority: Pick<Authority, 'storeReseal'>;
  readonly log: Log;
}

/** One line: what it holds, and what JSON puts around it. */
const OCTETS = LIMITS.envelope + LIMITS.proof + 512;
const PREFIX = 'ddls:conn:';
const SUFFIX = '.json';
const RETRY_MS = 1_000;

export class Pending {
  readonly #options: PendingOptions;
  readonly #pending = new Map<ConnectionHandle, PendingReseal>();
  /** Those of them that nobody here stores as a step of its own: an earlier run's, and whatever could not be stored. */
  readonly #owed = new Set<ConnectionHandle>();
  readonly #settling = new Map<
    ConnectionHandle,
    { readonly of: PendingReseal; readonly end: Promise<number | null> }
  >();
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: PendingOptions) {
    this.#options = options;
  }

  /** Reads what an earlier run left; space that nothing came into is given back. */
  static async open(options: PendingOptions): Promise<Pending> {
    const pending = new Pending(options);
    makePrivateDirectory(options.directory);
    for (const name of await namesIn(options.directory)) {
      const handle = `${PREFIX}${name.slice(0, -SUFFIX.length)}`;
      if (!name.endsWith(SUFFIX) || !isHandle(handle)) continue;
      const found = readPending(handle, readIfPresent(pending.#path(handle)) ?? Buffer.alloc(0));
      if (found === null) await removeFile(pending.#path(handle));
      else {
        pending.#pending.set(handle, found);
        pending.#owed.add(handle);
      }
    }
    return pending;
  }

  /** Takes the space for what may come. @throws where there is none */
  async reserve(handle: ConnectionHandle): Promise<void> {
    await this.release(handle);
    await reserveDurably(this.#path(handle), OCTETS);
  }

  /** Nothing came. */
  async release(handle: ConnectionHandle): Promise<void> {
    if (!this.#pending.has(handle)) await removeFile(this.#path(handle));
  }

  /** Writes it into the reserved space, durable when the promise settles. */
  async keep(reseal: PendingReseal): Promise<void> {
    this.#pending.set(reseal.handle, reseal);
    this.#owed.delete(reseal.handle);
    const { handle, envelope, reseal: statement } = reseal;
    await fillDurably(
      this.#path(handle),
      Buffer.from(`${JSON.stringify({ envelope, reseal: statement })}\n`, 'latin1'),
    );
  }

  /**
   * Stores what is pending for a connection, where anything is.
   * @returns the revision it stands at; null where there is nothing any more, for its owner's word came first
   * @throws DAuthError `ENCLAVE_UNAVAILABLE`; it is tried again by itself
   */
  async settle(handle: ConnectionHandle): Promise<number | null> {
    const pending = this.#pending.get(handle);
    if (pending === undefined) return null;
    // One at a time: of two, each would take the other's end for its own.
    const running = this.#settling.get(handle);
    if (running?.of === pending) return running.end;
    if (running !== undefined) {
      await running.end.catch(() => undefined);
      return this.settle(handle);
    }
    const end = this.#store(pending).finally(() => this.#settling.delete(handle));
    this.#settling.set(handle, { of: pending, end });
    return end;
  }

  /**
   * Stores what is owed for a connection, before whose end nobody begins with the version that it replaces; undefined where
   * nothing is. What is made here right now is none of it: that becomes durable and is written down first, in its maker's order.
   */
  settleOwed(handle: ConnectionHandle): Promise<number | null> | undefined {
    return this.#owed.has(handle) ? this.settle(handle) : undefined;
  }

  async #store(pending: PendingReseal): Promise<number | null> {
    const { handle, envelope, reseal } = pending;
    try {
      const revision = await this.#options.authority.storeReseal(handle, envelope, reseal);
      // Another may have come meanwhile, whose file this is now.
      if (this.#pending.get(handle) === pending) {
        await removeFile(this.#path(handle));
        this.#pending.delete(handle);
        this.#owed.delete(handle);
      }
      return revision;
    } catch (error) {
      if (this.#pending.get(handle) === pending) this.#owed.add(handle);
      this.#options.log('reseal.waiting', { handle });
      this.#tryLater();
      throw error;
    }
  }

  /** Stores all there is, as far as the authority takes it now; the rest is tried again by itself. */
  async settleAll(): Promise<void> {
    try {
      for (const handle of this.#pending.keys()) await this.settle(handle);
    } catch {
      // Said and planned where it failed: one that does not answer does not answer the next one either.
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
  }

  #tryLater(): void {
    clearTimeout(this.#retry);
    if (!this.#isClosed) this.#retry = setTimeout(() => void this.settleAll(), RETRY_MS).unref();
  }

  #path(handle: ConnectionHandle): string {
    return join(this.#options.directory, `${handle.slice(PREFIX.length)}${SUFFIX}`);
  }
}

/** Null where nothing whole was written: the answer that it was for never came, or not all of it. */
function readPending(handle: ConnectionHandle, file: Buffer): PendingReseal | null {
  const end = file.indexOf(0x0a);
  if (end < 0) return null;
  try {
    const line = exactObject(parseJson(file.toString('latin1', 0, end), OCTETS), 'A pending reseal', [
      'envelope',
      'reseal',
    ]);
    const envelope = text(line.envelope, '"envelope"', LIMITS.envelope);
    return { handle, envelope, reseal: text(line.reseal, '"reseal"', LIMITS.proof) };
  } catch {
    return null;
  }
}
