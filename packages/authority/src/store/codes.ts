/**
 * Authorization codes by their hash: one use, in one statement. A used one stays for a while, so that a second use is seen
 * (RFC 6749 §4.1.2). Never a code itself.
 */
import type { Database } from './driver.ts';

/** Seconds for which a code is remembered after its end: a copy turns up soon or is of no use. */
const REMEMBERED = 600;

/** What a code stands for. */
export interface StoredCode<Terms> {
  readonly grant_id: string;
  readonly client_id: string;
  readonly terms: Terms;
  /** Whether it was used before. */
  readonly used: boolean;
  readonly expires_at: number;
}

export class Codes {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#db = database;
    this.#now = now;
  }

  add<Terms>(hash: string, code: Omit<StoredCode<Terms>, 'used'>): void {
    this.#db.run('DELETE FROM codes WHERE expires_at <= ?', this.#now() - REMEMBERED);
    const sql = 'INSERT INTO codes (hash, grant_id, client_id, terms, used, expires_at) VALUES (?,?,?,?,0,?)';
    this.#db.run(sql, hash, code.grant_id, code.client_id, JSON.stringify(code.terms), code.expires_at);
  }

  /** Also finds used and ended ones. */
  find<Terms>(hash: string): StoredCode<Terms> | undefined {
    const row = this.#db.get('SELECT * FROM codes WHERE hash = ?', hash);
    if (row === undefined) return undefined;
    return {
      ...{ grant_id: String(row.grant_id), client_id: String(row.client_id), expires_at: Number(row.expires_at) },
      ...{ terms: JSON.parse(String(row.terms)) as Terms, used: row.used === 1 },
    };
  }

  /** @returns false where it was used before */
  use(hash: string): boolean {
    return this.#db.run('UPDATE codes SET used = 1 WHERE hash = ? AND used = 0', hash) === 1;
  }
}
