/**
 * The executor's journal as collected here, and the log of operations on the authority itself.
 * Never rewritten: a line is stored under its own number and must continue the chain (spec/dauth.md §6).
 */
import type { Database } from './driver.ts';

export interface AuditRow {
  readonly seq: number;
  readonly line: string;
  readonly hash: string;
}

export class Audit {
  readonly #db: Database;

  constructor(database: Database) {
    this.#db = database;
  }

  last(): AuditRow | undefined {
    return this.#db.get('SELECT * FROM audit ORDER BY seq DESC LIMIT 1') as AuditRow | undefined;
  }

  at(seq: number): AuditRow | undefined {
    return this.#db.get('SELECT * FROM audit WHERE seq = ?', seq) as AuditRow | undefined;
  }

  append(row: AuditRow): void {
    this.#db.run('INSERT INTO audit (seq, line, hash) VALUES (?,?,?)', row.seq, row.line, row.hash);
  }

  addCheckpoint(seq: number, checkpoint: string): void {
    this.#db.run('INSERT OR REPLACE INTO checkpoints (seq, checkpoint) VALUES (?,?)', seq, checkpoint);
  }

  page(after: number, limit: number): AuditRow[] {
    return this.#db.all('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?', after, limit) as unknown as AuditRow[];
  }

  /** Records who did what to the authority's own records; `asOperator` marks a use of the operator's right over others. */
  note(time: number, actor: string, asOperator: boolean, action: string, subject: string): void {
    const values = [time, actor, asOperator ? 1 : 0, action, subject];
    this.#db.run('INSERT INTO operations (time, actor, as_operator, action, subject) VALUES (?,?,?,?,?)', ...values);
  }
}
