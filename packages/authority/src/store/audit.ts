/**
 * The executors' journals as collected here, and the log of operations on the authority itself.
 * Never rewritten: a line is stored under its executor and number, and must continue that chain (spec/dauth.md §6).
 */
import type { Database } from './driver.ts';
import { takeWithin } from './page.ts';

export interface AuditRow {
  readonly seq: number;
  readonly line: string;
  /** SHA-256 of the line in base64url. */
  readonly hash: string;
}

/** One thing done to the authority's own records. */
export interface Operation {
  /** Unix seconds. */
  readonly time: number;
  /** The client that asked. */
  readonly actor: string;
  /** A use of the operator's right over others' records. */
  readonly asOperator: boolean;
  readonly action: string;
  readonly subject: string;
}

export interface NotedOperation extends Operation {
  readonly id: number;
}

export class Audit {
  readonly #db: Database;

  constructor(database: Database) {
    this.#db = database;
  }

  last(executor: string): AuditRow | undefined {
    return this.#db.get('SELECT seq, line, hash FROM audit WHERE executor = ? ORDER BY seq DESC LIMIT 1', executor) as
      AuditRow | undefined;
  }

  at(executor: string, seq: number): AuditRow | undefined {
    return this.#db.get('SELECT seq, line, hash FROM audit WHERE executor = ? AND seq = ?', executor, seq) as
      AuditRow | undefined;
  }

  append(executor: string, { seq, line, hash }: AuditRow): void {
    this.#db.run('INSERT INTO audit (executor, seq, line, hash) VALUES (?,?,?,?)', executor, seq, line, hash);
  }

  addCheckpoint(executor: string, seq: number, checkpoint: string): void {
    this.#db.run(
      'INSERT OR REPLACE INTO checkpoints (executor, seq, checkpoint) VALUES (?,?,?)',
      executor,
      seq,
      checkpoint,
    );
  }

  /** The next records, oldest first: at most `limit`, and about `octets` of lines, but always one where there is one. */
  page(executor: string, after: number, limit: number, octets = Number.POSITIVE_INFINITY): readonly AuditRow[] {
    const sql = 'SELECT seq, line, hash FROM audit WHERE executor = ? AND seq > ? ORDER BY seq LIMIT ?';
    const rows = this.#db.all(sql, executor, after, limit) as unknown as AuditRow[];
    return takeWithin(rows, octets, (row) => Buffer.byteLength(row.line));
  }

  /** Notes an operation. Call inside the transaction that does it: nothing is done without its note. */
  note({ time, actor, asOperator, action, subject }: Operation): void {
    const values = [time, actor, asOperator ? 1 : 0, action, subject];
    this.#db.run('INSERT INTO operations (time, actor, as_operator, action, subject) VALUES (?,?,?,?,?)', ...values);
  }

  /** The latest operations, newest first. */
  operations(limit: number): Operation[] {
    return this.operationsBefore(Number.MAX_SAFE_INTEGER, limit).map(
      ({ time, actor, asOperator, action, subject }) => ({
        ...{ time, actor, asOperator, action, subject },
      }),
    );
  }

  /** A page of operations with smaller numbers, newest first. */
  operationsBefore(before: number, limit: number): NotedOperation[] {
    return this.#db.all('SELECT * FROM operations WHERE id < ? ORDER BY id DESC LIMIT ?', before, limit).map((row) => ({
      ...{ id: Number(row.id), time: Number(row.time), actor: String(row.actor), asOperator: row.as_operator === 1 },
      ...{ action: String(row.action), subject: String(row.subject) },
    }));
  }
}
