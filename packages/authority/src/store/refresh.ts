/**
 * Refresh tokens: one row a family, which holds the hash of its current token only. Never two that work at once: the next
 * takes the place of the last in one statement, and whatever else is shown of the family was used before or never was.
 */
import type { Database } from './driver.ts';

/** Families of one grant: as many devices as a person uses one app on. The oldest ends for a newer one. */
const FAMILIES = 16;

export interface RefreshFamily<Terms> {
  /** Hash of the family's name. */
  readonly family: string;
  /** Hash of the token that works now. */
  readonly hash: string;
  readonly grant_id: string;
  readonly client_id: string;
  /** Thumbprint of the key it is bound to; null under the Bearer exception and where the client has a key of its own. */
  readonly jkt: string | null;
  readonly terms: Terms;
  readonly expires_at: number;
}

export class RefreshTokens {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#db = database;
    this.#now = now;
  }

  add<Terms>(of: RefreshFamily<Terms>): void {
    this.#db.run('DELETE FROM refresh_tokens WHERE expires_at <= ?', this.#now());
    const oldest = `DELETE FROM refresh_tokens WHERE family IN (SELECT family FROM refresh_tokens WHERE grant_id = ?
      ORDER BY created_at DESC, family LIMIT -1 OFFSET ?)`;
    this.#db.run(oldest, of.grant_id, FAMILIES - 1);
    const sql = `INSERT INTO refresh_tokens (family, hash, grant_id, client_id, jkt, terms, created_at, expires_at)
      VALUES (?,?,?,?,?,?,?,?)`;
    const terms = JSON.stringify(of.terms);
    this.#db.run(sql, of.family, of.hash, of.grant_id, of.client_id, of.jkt, terms, this.#now(), of.expires_at);
  }

  find<Terms>(family: string): RefreshFamily<Terms> | undefined {
    const row = this.#db.get('SELECT * FROM refresh_tokens WHERE family = ?', family);
    if (row === undefined) return undefined;
    return { ...(row as unknown as RefreshFamily<Terms>), terms: JSON.parse(String(row.terms)) as Terms };
  }

  /** Puts the next token in the place of the last. @returns false where another came first */
  rotate(family: string, last: string, next: string, expiresAt: number): boolean {
    const sql = 'UPDATE refresh_tokens SET hash = ?, expires_at = ? WHERE family = ? AND hash = ?';
    return this.#db.run(sql, next, expiresAt, family, last) === 1;
  }

  /** Forgets whatever hangs on a grant that ended. */
  end(grantId: string): void {
    this.#db.run('DELETE FROM refresh_tokens WHERE grant_id = ?', grantId);
  }
}
