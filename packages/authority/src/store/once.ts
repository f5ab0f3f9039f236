/**
 * What may happen once: the `jti` of assertions and proofs, and the call window of a carried proof (spec/dauth.md §4).
 * Each is one atomic statement, so that there is no "between" for two equal requests to meet in.
 */
import type { ReplayStore } from '@dauth/verify';
import type { Database } from './driver.ts';

/** Expired entries are dropped at most this often, in seconds. */
const SWEEP = 30;

export class Once implements ReplayStore {
  readonly #db: Database;
  readonly #now: () => number;
  /** The latest sweep. What ended before it may be forgotten already, so a clock set back must not make it fresh again. */
  #swept = 0;

  constructor(database: Database, now: () => number) {
    this.#db = database;
    this.#now = now;
  }

  /** @returns true for the first use of `key`, false for every other */
  consume(key: string, expiresAt: number): boolean {
    this.#sweep();
    if (expiresAt < this.#swept) return false;
    return this.#db.run('INSERT OR IGNORE INTO consumed (key, expires_at) VALUES (?,?)', key, expiresAt) === 1;
  }

  /**
   * Opens the call window of a carried proof for a server, or finds it open for the same server.
   * @returns false where another server came first
   */
  claimWindow(key: string, server: string, expiresAt: number): boolean {
    this.#sweep();
    if (expiresAt < this.#swept) return false;
    // One statement: the row is ours only if it was free or ours already.
    const sql = `INSERT INTO windows (key, server, expires_at) VALUES (?,?,?)
      ON CONFLICT (key) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at) WHERE server = excluded.server`;
    return this.#db.run(sql, key, server, expiresAt) === 1;
  }

  /** Whether the call window of a carried proof was opened by this server and has not ended. */
  isWindowOf(key: string, server: string): boolean {
    const sql = 'SELECT 1 AS one FROM windows WHERE key = ? AND server = ? AND expires_at >= ?';
    return this.#db.get(sql, key, server, this.#now()) !== undefined;
  }

  #sweep(): void {
    const now = this.#now();
    if (now - this.#swept < SWEEP) return;
    this.#swept = now;
    this.#db.run('DELETE FROM consumed WHERE expires_at < ?', now);
    this.#db.run('DELETE FROM windows WHERE expires_at < ?', now);
  }
}
