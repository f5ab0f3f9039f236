/**
 * The revision log behind the status stream: every change of a connection and every revocation, one number each.
 * Never a gap and never a rewrite: an executor that sees one resyncs.
 */
import { REVOCABLE, type Revocable, type StatusChange } from '@dauth/protocol';
import type { Database } from './driver.ts';
import { takeWithin } from './page.ts';

/** What a change's revision adds to its JSON. */
const REVISION_OCTETS = 32;

type Unnumbered = StatusChange extends infer Change
  ? Change extends StatusChange
    ? Omit<Change, 'revision'>
    : never
  : never;

export class Changes {
  readonly #db: Database;
  readonly #listeners = new Set<() => void>();

  constructor(database: Database) {
    this.#db = database;
  }

  revision(): number {
    return Number(this.#db.get('SELECT coalesce(max(revision), 0) AS revision FROM changes')?.revision);
  }

  /** The next changes, oldest first: at most `limit` of them, and about `octets` of JSON, but always one where there is one. */
  since(revision: number, limit: number, octets: number): StatusChange[] {
    const rows = this.#db.all(
      'SELECT revision, change FROM changes WHERE revision > ? ORDER BY revision LIMIT ?',
      revision,
      limit,
    );
    const taken = takeWithin(rows, octets, (row) => Buffer.byteLength(String(row.change)) + REVISION_OCTETS);
    return taken.map((row) => ({
      ...(JSON.parse(String(row.change)) as StatusChange),
      revision: Number(row.revision),
    }));
  }

  /** Appends inside the caller's transaction; listeners hear of it in the next turn, when it is committed or gone. */
  append(change: Unnumbered): void {
    this.#db.run(
      'INSERT INTO changes (revision, change) SELECT coalesce(max(revision), 0) + 1, ? FROM changes',
      JSON.stringify(change),
    );
    setImmediate(() => this.#listeners.forEach((listener) => listener()));
  }

  revoke(what: Revocable, id: string, now: number): void {
    const added = this.#db.run('INSERT OR IGNORE INTO revoked (what, id, revoked_at) VALUES (?,?,?)', what, id, now);
    if (added === 1) this.append({ kind: 'revoked', what, id });
  }

  isRevoked(what: Revocable, id: string): boolean {
    return this.#db.get('SELECT 1 AS one FROM revoked WHERE what = ? AND id = ?', what, id) !== undefined;
  }

  /** Whether any of the named things was revoked. */
  isAnyRevoked(ids: Readonly<Partial<Record<Revocable, string | undefined>>>): boolean {
    return REVOCABLE.some((what) => ids[what] !== undefined && this.isRevoked(what, ids[what]));
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
