/**
 * Requests that wait: pushed ones for a browser (RFC 9126), and asks for a person's yes or no. Each is found by the hash of
 * its id, once, and not after its end. Never more of them than a client or a person can have in hand.
 */
import type { Database } from './driver.ts';

/** Pushed requests of one client that wait, and of all: a public client is whoever knows its id. */
const PUSHED_PER_CLIENT = 256;
const PUSHED = 4_096;
/** Questions one person has open; the oldest goes, so that a page which opens them by itself locks nobody out. */
const ASKS_PER_OWNER = 16;

/** Whose session a question was opened in. */
export interface Asked {
  /** Hash of what the session alone knows. */
  readonly session: string;
  readonly owner: string;
  readonly org: string;
}

export class Asks {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#db = database;
    this.#now = now;
  }

  /**
   * @param share of the room that this kind of request may fill
   * @returns false where as many wait already
   */
  push(hash: string, clientId: string, request: unknown, expiresAt: number, share: number): boolean {
    this.#db.run('DELETE FROM pushed WHERE expires_at <= ?', this.#now());
    const sql = `INSERT INTO pushed (hash, client_id, request, expires_at) SELECT ?,?,?,?
      WHERE (SELECT count(*) FROM pushed WHERE client_id = ?) < ? AND (SELECT count(*) FROM pushed) < ?`;
    const values = [hash, clientId, JSON.stringify(request), expiresAt, clientId];
    const room = [PUSHED_PER_CLIENT * share, PUSHED * share];
    return this.#db.run(sql, ...values, ...room) === 1;
  }

  /** Takes a pushed request of this client; another client's stays where it is. */
  takePushed(hash: string, clientId: string): unknown {
    const sql = 'DELETE FROM pushed WHERE hash = ? AND client_id = ? AND expires_at > ? RETURNING request';
    const row = this.#db.get(sql, hash, clientId, this.#now());
    return row === undefined ? undefined : JSON.parse(String(row.request));
  }

  open(hash: string, { session, owner, org }: Asked, ask: unknown, expiresAt: number): void {
    this.#db.run('DELETE FROM asks WHERE expires_at <= ?', this.#now());
    const oldest = `DELETE FROM asks WHERE hash IN (SELECT hash FROM asks WHERE owner = ? AND org = ?
      ORDER BY expires_at DESC, hash LIMIT -1 OFFSET ?)`;
    this.#db.run(oldest, owner, org, ASKS_PER_OWNER - 1);
    const sql = 'INSERT INTO asks (hash, session, owner, org, ask, expires_at) VALUES (?,?,?,?,?,?)';
    this.#db.run(sql, hash, session, owner, org, JSON.stringify(ask), expiresAt);
  }

  /** Takes a question for its one answer: by the session that opened it, while it is open. */
  take(hash: string, { session, owner, org }: Asked): unknown {
    const sql =
      'DELETE FROM asks WHERE hash = ? AND session = ? AND owner = ? AND org = ? AND expires_at > ? RETURNING ask';
    const row = this.#db.get(sql, hash, session, owner, org, this.#now());
    return row === undefined ? undefined : JSON.parse(String(row.ask));
  }
}
