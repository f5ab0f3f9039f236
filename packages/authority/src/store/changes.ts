/**
 * The revision log behind the status stream: every change of a connection and every revocation, one number each.
 * Never a rewrite, and never a gap that is not told: an executor that sees one resyncs. What is dropped is without effect.
 */
import { REVOCABLE, type Revocable, type StatusChange } from '@dauth/protocol';
import type { Database } from './driver.ts';
import { takeWithin } from './page.ts';

/** What a change's revision, and a skip before it, add to its JSON. */
const BESIDE_OCTETS = 96;
/**
 * How long a change is kept, whatever it says. After 610 s nothing lives that came of a token or a grant before it was revoked:
 * a token lives 300 s, opens a call window of 300 s in its last, and clocks differ by 5 s at each.
 */
const KEEP_MS = 900_000;

type Told = Exclude<StatusChange, { kind: 'skipped' }>;
type Unnumbered = Told extends infer Change ? (Change extends Told ? Omit<Change, 'revision'> : never) : never;

export class Changes {
  readonly #db: Database;
  readonly #listeners = new Set<() => void>();
  /** Where the log stood when it was tended last, and when that was. */
  #tended: { readonly revision: number; readonly at: number } | undefined;

  constructor(database: Database) {
    this.#db = database;
  }

  revision(): number {
    return Number(this.#db.get('SELECT coalesce(max(revision), 0) AS revision FROM changes')?.revision);
  }

  /**
   * The next changes, oldest first: at most `limit` of them, and about `octets` of JSON, but always one where there is one.
   * Before each that does not follow the last by one it is said what is skipped.
   */
  since(revision: number, limit: number, octets: number): StatusChange[] {
    const rows = this.#db.all(
      'SELECT revision, change FROM changes WHERE revision > ? ORDER BY revision LIMIT ?',
      revision,
      limit,
    );
    const taken = takeWithin(rows, octets, (row) => Buffer.byteLength(String(row.change)) + BESIDE_OCTETS);
    let last = revision;
    return taken.flatMap((row) => {
      const at = Number(row.revision);
      const skipped = at === last + 1 ? [] : [{ kind: 'skipped', revision: at - 1 } as const];
      last = at;
      return [...skipped, { ...(JSON.parse(String(row.change)) as Told), revision: at }];
    });
  }

  /** Appends inside the caller's transaction; listeners hear of it in the next turn, when it is committed or gone. */
  append(change: Unnumbered): void {
    const [what, id] = change.kind === 'connection' ? [change.kind, change.handle] : [change.what, change.id];
    this.#db.run(
      'INSERT INTO changes (revision, change, what, id) SELECT coalesce(max(revision), 0) + 1, ?, ?, ? FROM changes',
      ...[JSON.stringify(change), what, id],
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

  /**
   * Whether a token issued at `iat`, in Unix seconds, is from before a revocation that was dropped: nobody knows any more that it
   * was not this token's. It ended long before that, unless the wall clock was set back since.
   */
  isForgotten(iat: number): boolean {
    return iat <= this.forgotten();
  }

  /** When the newest revocation was made of those that were dropped, in Unix seconds; durable. */
  forgotten(): number {
    return Number(this.#db.get('SELECT at FROM forgotten')?.at);
  }

  /**
   * Drops what has no effect any more. Call it now and then.
   * @param at milliseconds of a clock that never goes back: one that does would forget, after a leap, what still matters
   * @param now Unix seconds; what was revoked in the future of a clock that was set back stays
   */
  tend(at: number, now: number): void {
    const before = this.#tended;
    if (before !== undefined && at - before.at < KEEP_MS) return;
    this.#tended = { revision: this.revision(), at };
    if (before !== undefined) this.#db.transaction(() => this.#drop(before.revision, now));
  }

  /** @param until every change up to this one is old enough */
  #drop(until: number, now: number): void {
    // Of a connection the newest change says all; it stays, also as a tombstone's.
    this.#db.run(
      `DELETE FROM changes WHERE revision <= ? AND what = 'connection' AND EXISTS
        (SELECT 1 FROM changes AS later WHERE later.what = 'connection' AND later.id = changes.id AND later.revision > changes.revision)`,
      until,
    );
    // The highest revision is never taken back: to an executor that would be an older backup.
    this.#db.run(
      `DELETE FROM changes WHERE revision <= ? AND what IN ('token', 'grant') AND revision < (SELECT max(revision) FROM changes)`,
      until,
    );
    // A grant that is there is a revoked one as long as it is there.
    const dropped = `FROM revoked WHERE what IN ('token', 'grant') AND revoked_at <= ?
        AND NOT EXISTS (SELECT 1 FROM changes WHERE changes.what = revoked.what AND changes.id = revoked.id)
        AND NOT EXISTS (SELECT 1 FROM grants WHERE revoked.what = 'grant' AND grants.id = revoked.id)`;
    const old = now - KEEP_MS / 1_000;
    this.#db.run(`UPDATE forgotten SET at = max(at, coalesce((SELECT max(revoked_at) ${dropped}), 0))`, old);
    this.#db.run(`DELETE ${dropped}`, old);
  }
}
