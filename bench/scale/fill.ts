/**
 * Fills a store with connections, straight into its SQLite while the authority runs: what thousands of owners would have sealed in
 * years. Each row is as large as a real one, and each is told to the executor, as a real one would be.
 */
import { randomBytes } from 'node:crypto';
import { makeHandle } from '@dauth/protocol';
import { openDatabase } from '../stage/database.ts';

/** Rows of a transaction: the authority waits for each, and beats four times a second. */
const BATCH = 2_000;
const PER_OWNER = 10;
/** Sealed one after the other, so that their handles lie all over the index. */
const APART_MS = 1_000;

export interface Filling {
  readonly path: string;
  readonly count: number;
  /** A real connection: the others are copies of it under other handles. */
  readonly like: string;
  /** How many of them belong to the owner of that one, evenly among the others. */
  readonly own: number;
}

/** @returns the handles of those that belong to its owner */
export async function fillStore({ path, count, like, own }: Filling): Promise<readonly string[]> {
  const database = await openDatabase(path);
  const { owner, org } = database.get('SELECT owner, org FROM connections WHERE handle = ?', like)!;
  const sealed = database.get('SELECT * FROM envelopes WHERE handle = ?', like)!;
  const owned: string[] = [];
  const now = Date.now();
  const add = (at: number): void => {
    const handle = makeHandle(now - (count - at) * APART_MS, randomBytes(10));
    const isOwn = at % Math.floor(count / own) === 0 && owned.length < own;
    if (isOwn) owned.push(handle);
    const created = Math.floor(now / 1_000);
    database.run(
      `INSERT INTO connections (handle, owner, org, name, status, ver, created_at, updated_at)
        VALUES (?,?,?,?,'active',1,?,?)`,
      ...[handle, isOwn ? owner! : `owner-${Math.floor(at / PER_OWNER)}`, org!, `c${at}`, created, created],
    );
    database.run(
      `INSERT INTO envelopes (handle, ver, envelope, seal_proof, endorsements, trusted, created_at) VALUES (?,1,?,?,?,?,?)`,
      ...[handle, sealed.envelope!, sealed.seal_proof!, sealed.endorsements!, sealed.trusted!, created],
    );
    database.run(
      `INSERT INTO changes (revision, change, what, id) SELECT max(revision) + 1, ?, 'connection', ? FROM changes`,
      ...[JSON.stringify({ kind: 'connection', handle, status: 'active', ver: 1 }), handle],
    );
  };
  for (let from = 0; from < count; from += BATCH) {
    database.transaction(() => {
      for (let at = from; at < Math.min(count, from + BATCH); at++) add(at);
    });
    // So that who waited gets its turn.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  database.close();
  return owned;
}
