/**
 * Opens SQLite: the runtime's own where it has one, else the prebuilt addon with the same interface.
 * The one file that loads either. Never opens without `synchronous=FULL`: an acknowledged write survives a power cut.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

interface Statement {
  run(...values: Value[]): { readonly changes: number | bigint };
  get(...values: Value[]): unknown;
  all(...values: Value[]): unknown[];
}

/** The part of `node:sqlite`'s `DatabaseSync` that is used here. */
interface DatabaseSync {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** What came of a part of a transaction. */
export type Attempt<T> = { readonly value: T } | { readonly reason: unknown };

/** A SQLite connection with its prepared statements. */
export class Database {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Statement>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  /** Runs a statement and says how many rows it changed. */
  run(sql: string, ...values: Value[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined;
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[];
  }

  /**
   * Runs `body` whole or not at all. Calls are synchronous, so nothing else of this process runs in between.
   * @param isKept of what it returned; where it is false nothing of it stays, and nothing is written
   */
  transaction<T>(body: () => T, isKept: (result: T) => boolean = () => true): T {
    // IMMEDIATE: a second process waits here, not at its first write, so what was read stays true until the commit.
    this.run('BEGIN IMMEDIATE');
    try {
      const result = body();
      this.run(isKept(result) ? 'COMMIT' : 'ROLLBACK');
      return result;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  /**
   * Runs a part of a transaction, which goes on whatever comes of it: whole, or not at all where it throws.
   * @throws Error where the transaction has ended with it, as SQLite ends one when a disk is full
   */
  attempt<T>(part: () => T): Attempt<T> {
    this.run('SAVEPOINT part');
    let attempt: Attempt<T>;
    try {
      attempt = { value: part() };
    } catch (reason) {
      this.#rollBackPart(reason);
      attempt = { reason };
    }
    this.run('RELEASE part');
    return attempt;
  }

  close(): void {
    this.#database.close();
  }

  #rollback(): void {
    try {
      this.exec('ROLLBACK');
    } catch {
      // A full disk has rolled back by itself; the error to report is the first one.
    }
  }

  #rollBackPart(reason: unknown): void {
    try {
      this.run('ROLLBACK TO part');
    } catch {
      throw new Error('A transaction ended before all of it was done.', { cause: reason });
    }
  }

  #prepare(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Opens (and creates) a database file. @throws Error where the settings that make writes durable do not take */
export async function openDatabase(path: string): Promise<Database> {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const { DatabaseSync } = await loadSqlite();
  const database = new Database(new DatabaseSync(path));
  database.exec('PRAGMA busy_timeout = 5000');
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON',
  );
  // A pragma that is not understood says nothing, so each is read back.
  const isDurable =
    database.get('PRAGMA synchronous')?.synchronous === 2 &&
    database.get('PRAGMA foreign_keys')?.foreign_keys === 1 &&
    (path === ':memory:' || database.get('PRAGMA journal_mode')?.journal_mode === 'wal');
  if (!isDurable)
    throw new Error(
      'The database cannot promise durable writes here (WAL with synchronous=FULL). Use a local file system.',
    );
  return database;
}

async function loadSqlite(): Promise<{ DatabaseSync: new (path: string) => DatabaseSync }> {
  for (const name of ['node:sqlite', '@photostructure/sqlite']) {
    try {
      return (await import(name)) as { DatabaseSync: new (path: string) => DatabaseSync };
    } catch (error) {
      // Node 20 has no node:sqlite; the addon is optional. Whichever loads first serves; a broken one is not hidden.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ERR_UNKNOWN_BUILTIN_MODULE' && code !== 'ERR_MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error('No SQLite here: use Node 22 or newer, or install the optional dependency @photostructure/sqlite.');
}
