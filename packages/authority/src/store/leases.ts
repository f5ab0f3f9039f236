/**
 * Leases (spec/dauth.md §6): which executor node may exchange a connection's refresh token now, by the version it opened.
 * Never more than one holder at a time, and never for a version that is not the current one.
 */
import { LIMITS, type ConnectionHandle } from '@dauth/protocol';
import type { Database } from './driver.ts';

export class Leases {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#db = database;
    this.#now = now;
  }

  /**
   * One statement: the row is the holder's if it was free, ended, of an older version, or the holder's already.
   * @returns false where another one holds it, or `ver` is not the current version of an active connection
   */
  take(handle: ConnectionHandle, ver: number, holder: string): boolean {
    const now = this.#now();
    const sql = `INSERT INTO leases (handle, ver, holder, expires_at)
      SELECT handle, ver, ?, ? FROM connections WHERE handle = ? AND ver = ? AND status = 'active' AND deleted_at IS NULL
      ON CONFLICT (handle) DO UPDATE SET ver = excluded.ver, holder = excluded.holder, expires_at = excluded.expires_at
      WHERE leases.holder = excluded.holder OR leases.ver < excluded.ver OR leases.expires_at <= ?`;
    return this.#db.run(sql, holder, now + LIMITS.leaseSeconds, handle, ver, now) === 1;
  }

  /**
   * The one lease there is for a code, which is shown once at most, whatever became of whoever took it: the row of a version
   * is never given again.
   * @returns `spent` where it was given before and has ended, or its holder asks again and knows of none
   */
  takeOnce(handle: ConnectionHandle, ver: number, holder: string): 'given' | 'refused' | 'spent' {
    const now = this.#now();
    const sql = `INSERT INTO leases (handle, ver, holder, expires_at)
      SELECT handle, ver, ?, ? FROM connections WHERE handle = ? AND ver = ? AND status = 'active' AND deleted_at IS NULL
      ON CONFLICT (handle) DO UPDATE SET ver = excluded.ver, holder = excluded.holder, expires_at = excluded.expires_at
      WHERE leases.ver < excluded.ver`;
    if (this.#db.run(sql, holder, now + LIMITS.leaseSeconds, handle, ver) === 1) return 'given';
    const ended = `SELECT 1 AS one FROM leases JOIN connections USING (handle, ver)
      WHERE handle = ? AND ver = ? AND status = 'active' AND deleted_at IS NULL AND (holder = ? OR expires_at <= ?)`;
    return this.#db.get(ended, handle, ver, holder, now) === undefined ? 'refused' : 'spent';
  }
}
