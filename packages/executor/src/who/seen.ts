/**
 * What this executor has seen and never unlearns: per handle the highest version and revision, the version's digest and
 * the trusted sealing keys; and the highest status revision. Never holds a secret, and never goes back but by an operator's word (§2, §6).
 */
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DAuthError,
  decodeUtf8,
  exactObject,
  integer,
  isObject,
  list,
  parseHandle,
  parseJson,
  parseThumbprint,
  type ConnectionHandle,
} from '@dauth/protocol';
import { readIfPresent, replaceDurably } from '../journal/files.ts';

/** What is remembered of one handle. */
export interface SeenConnection {
  readonly ver: number;
  /** SHA-256 of that version's envelope in base64url: versions are immutable. */
  readonly digest: string;
  /** Thumbprints of the keys that may seal for this handle. */
  readonly trusted: readonly string[];
  /** The authority's highest revision with which it served this handle. */
  readonly revision: number;
  /** The version that this one was made out of in this run, by reseals alone: dispatches under way stand on those between. */
  readonly resealedFrom?: number;
}

const FILE = 'seen.jsonl';
const MAX_LINE = 4_096;
const MAX_TRUSTED = 64;
/** Superseded lines after which the file is written anew. */
const COMPACT_AFTER = 10_000;

/** Durable memory: one appended line per change, synced before it counts. */
export class Seen {
  readonly #path: string;
  readonly #connections: Map<ConnectionHandle, SeenConnection>;
  #revision: number;
  #regressed: boolean;
  #accepted: number | undefined;
  #file: FileHandle | undefined;
  #superseded = 0;
  #waiting: { line: string; done: () => void; failed: (error: unknown) => void }[] = [];
  #flushing = false;
  #broken = false;
  readonly #unsynced = new Map<ConnectionHandle, Promise<void>>();

  private constructor(path: string, state: State) {
    this.#path = path;
    this.#connections = state.connections;
    this.#revision = state.revision;
    this.#regressed = state.regressed;
    this.#accepted = state.accepted;
  }

  /**
   * Reads what earlier runs saw.
   * @param acceptRevision an operator's confirmation of a restored authority; each value counts once
   * @throws TypeError with a sentence for the operator where the file is damaged
   */
  static async open(directory: string, acceptRevision?: number): Promise<Seen> {
    const path = join(directory, FILE);
    const state = readState(path);
    if (acceptRevision !== undefined && acceptRevision !== state.accepted) {
      state.revision = Math.min(state.revision, acceptRevision);
      state.regressed = false;
      state.accepted = acceptRevision;
      for (const [handle, seen] of state.connections)
        state.connections.set(handle, { ...seen, revision: Math.min(seen.revision, acceptRevision) });
    }
    const seen = new Seen(path, state);
    await seen.#compact();
    return seen;
  }

  get revision(): number {
    return this.#revision;
  }

  /** True once the authority showed a revision below the highest seen, until an operator confirms. */
  get regressed(): boolean {
    return this.#regressed;
  }

  connection(handle: ConnectionHandle): SeenConnection | undefined {
    return this.#connections.get(handle);
  }

  /**
   * Remembers a version at its use; durable when the promise settles. Checked once more here, in one synchronous step with
   * the proof that it opens: of two first uses at the same time only one can decide who seals for a handle, and an envelope
   * that nobody can open decides nothing.
   * @param assertOpens throws where the envelope of a version that was not used before cannot be opened
   * @throws DAuthError `POLICY_DENIED` for a lower version or another envelope of the same one; `AUDIT_UNAVAILABLE`
   */
  async admit(
    handle: ConnectionHandle,
    use: SeenConnection & { readonly jkt: string },
    assertOpens: () => void,
  ): Promise<void> {
    if (this.#broken) throw new DAuthError('AUDIT_UNAVAILABLE');
    const known = this.#connections.get(handle);
    assertSameOrNewer(known, use);
    if (known !== undefined && !known.trusted.some((jkt) => use.trusted.includes(jkt))) {
      throw new DAuthError(
        'POLICY_DENIED',
        'The credential was sealed by a key that is not trusted for this connection.',
      );
    }
    if (known !== undefined && use.ver < known.ver) return this.#unsynced.get(handle);
    const isKnown = known?.ver === use.ver;
    // Whoever comes while the first use is being written waits for the same sync.
    if (isKnown && use.revision <= known.revision) return this.#unsynced.get(handle);
    if (!isKnown) assertOpens();
    const trusted = isKnown ? known.trusted : Object.freeze(use.trusted.slice(0, MAX_TRUSTED));
    const revision = Math.max(use.revision, known?.revision ?? 0);
    const from = use.resealedFrom ?? (isKnown ? known.resealedFrom : undefined);
    const lineage = from === undefined ? {} : { resealedFrom: from };
    const next = Object.freeze({ ver: use.ver, digest: use.digest, trusted, revision, ...lineage });
    this.#connections.set(handle, next);
    const synced = this.#append(connectionLine(handle, next)).finally(() => {
      if (this.#unsynced.get(handle) === synced) this.#unsynced.delete(handle);
    });
    this.#unsynced.set(handle, synced);
    await synced;
  }

  /** Remembers a higher revision. */
  async raise(revision: number): Promise<void> {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    await this.#append(JSON.stringify({ revision }));
  }

  /** Remembers that the authority went back. */
  async markRegressed(): Promise<void> {
    if (this.#regressed) return;
    this.#regressed = true;
    await this.#append(JSON.stringify({ regressed: true }));
  }

  async close(): Promise<void> {
    this.#broken = true;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #append(line: string): Promise<void> {
    await new Promise<void>((done, failed) => {
      this.#waiting.push({ line, done, failed });
      if (!this.#flushing) void this.#flush();
    });
  }

  /** One writer; whoever comes while it syncs shares the next sync. */
  async #flush(): Promise<void> {
    this.#flushing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#broken || this.#file === undefined) throw new Error('closed');
        this.#superseded += batch.length;
        if (this.#superseded > COMPACT_AFTER) await this.#compact();
        else {
          await this.#file.appendFile(batch.map(({ line }) => `${line}\n`).join(''));
          await this.#file.datasync();
        }
        for (const { done } of batch) done();
      } catch (cause) {
        // After a failed write nobody knows what is on disk (a torn line would hide what follows): nothing more counts.
        this.#broken = true;
        for (const { failed } of batch) failed(new DAuthError('AUDIT_UNAVAILABLE', undefined, { cause }));
      }
    }
    this.#flushing = false;
  }

  async #compact(): Promise<void> {
    await this.#file?.close();
    const lines = [JSON.stringify({ revision: this.#revision })];
    if (this.#regressed) lines.push(JSON.stringify({ regressed: true }));
    if (this.#accepted !== undefined) lines.push(JSON.stringify({ accepted: this.#accepted }));
    for (const [handle, seen] of this.#connections) lines.push(connectionLine(handle, seen));
    await replaceDurably(this.#path, Buffer.from(`${lines.join('\n')}\n`, 'utf8'));
    this.#file = await open(this.#path, 'a', 0o600);
    this.#superseded = 0;
  }
}

/** @throws DAuthError `POLICY_DENIED` where `use` is older than, or another envelope than, what is `known` */
export function assertNotOlder(
  known: SeenConnection | undefined,
  use: { readonly ver: number; readonly digest: string; readonly revision: number },
): void {
  assertSameOrNewer(known, use);
  if (known !== undefined && use.revision < known.revision)
    throw new DAuthError('POLICY_DENIED', 'An older state of this connection than was seen before is refused.');
}

function assertSameOrNewer(
  known: SeenConnection | undefined,
  use: { readonly ver: number; readonly digest: string },
): void {
  if (known === undefined) return;
  if (use.ver < (known.resealedFrom ?? known.ver))
    throw new DAuthError('POLICY_DENIED', 'An older version of this credential than was used before is refused.');
  if (use.ver === known.ver && use.digest !== known.digest) {
    throw new DAuthError('POLICY_DENIED', 'Another envelope was used for this version of the credential before.');
  }
}

interface State {
  readonly connections: Map<ConnectionHandle, SeenConnection>;
  revision: number;
  regressed: boolean;
  accepted: number | undefined;
}

function connectionLine(handle: ConnectionHandle, { ver, digest, trusted, revision }: SeenConnection): string {
  return JSON.stringify({ handle, ver, digest, trusted, revision });
}

/** Reads whole lines; what stands behind the last line end was never acknowledged. */
function readState(path: string): State {
  const state: State = { connections: new Map(), revision: 0, regressed: false, accepted: undefined };
  const lines = decodeUtf8(readIfPresent(path) ?? new Uint8Array(0))
    .split('\n')
    .slice(0, -1);
  try {
    for (const line of lines) applyLine(state, parseJson(line, MAX_LINE));
  } catch (cause) {
    throw new TypeError(
      `${path} is damaged. Restore it from your backup; without it older credentials could come back.`,
      { cause },
    );
  }
  return state;
}

function applyLine(state: State, value: unknown): void {
  if (!isObject(value)) throw new TypeError();
  if (value.handle !== undefined) {
    const line = exactObject(value, 'A line', ['handle', 'ver', 'digest', 'trusted', 'revision']);
    state.connections.set(parseHandle(line.handle), {
      ver: integer(line.ver, 'ver', 1, 2 ** 31),
      digest: parseThumbprint(line.digest, 'digest'),
      trusted: list(line.trusted, 'trusted', 1, MAX_TRUSTED, (jkt) => parseThumbprint(jkt, 'trusted')),
      revision: integer(line.revision, 'revision', 0, Number.MAX_SAFE_INTEGER),
    });
  } else if (value.revision !== undefined)
    state.revision = Math.max(state.revision, integer(value.revision, 'revision', 0, Number.MAX_SAFE_INTEGER));
  else if (value.regressed === true) state.regressed = true;
  else state.accepted = integer(value.accepted, 'accepted', 0, Number.MAX_SAFE_INTEGER);
}
