/**
 * Connections and their current envelopes. Never plaintext, and never a way to change what was sealed: the next version
 * takes the place of the last, rows change status, handles are never used again.
 */
import {
  parseEnvelope,
  type ConnectionHandle,
  type ConnectionStatus,
  type EnvelopePolicy,
  type StatusChange,
} from '@dauth/protocol';
import type { Changes } from './changes.ts';
import type { Database } from './driver.ts';
import { Remembered } from './remembered.ts';

export interface Connection {
  readonly handle: ConnectionHandle;
  readonly owner: string;
  readonly org: string;
  readonly name: string;
  readonly status: ConnectionStatus;
  readonly ver: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly last_used_at: number | null;
  /** Set on a tombstone: the handle stays taken, the ciphertext is gone. */
  readonly deleted_at: number | null;
}

export interface StoredEnvelope {
  readonly handle: ConnectionHandle;
  readonly ver: number;
  readonly envelope: string;
  readonly seal_proof: string;
  readonly endorsements: readonly string[];
  /** Thumbprints trusted to seal later versions. */
  readonly trusted: readonly string[];
  /** The executor's statement about a version that it sealed again; then `seal_proof` is over the version its owner sealed. */
  readonly reseal: string | null;
}

export class Connections {
  readonly #db: Database;
  readonly #changes: Changes;
  readonly #policies = new Remembered((envelope) => parseEnvelope(envelope).header.dauth);

  constructor(database: Database, changes: Changes) {
    this.#db = database;
    this.#changes = changes;
  }

  /** Also finds tombstones. */
  find(handle: ConnectionHandle): Connection | undefined {
    return this.#db.get('SELECT * FROM connections WHERE handle = ?', handle) as Connection | undefined;
  }

  /** A page of one owner's connections (or of all), by handle. */
  page(owner: { sub: string; org: string } | null, after: string, limit: number): Connection[] {
    const rows =
      owner === null
        ? this.#db.all(
            'SELECT * FROM connections WHERE deleted_at IS NULL AND handle > ? ORDER BY handle LIMIT ?',
            after,
            limit,
          )
        : this.#db.all(
            'SELECT * FROM connections WHERE owner = ? AND org = ? AND deleted_at IS NULL AND handle > ? ORDER BY handle LIMIT ?',
            ...[owner.sub, owner.org, after, limit],
          );
    return rows as unknown as Connection[];
  }

  /** How many connections of an owner hold an envelope, in whatever status. */
  count(owner: string, org: string): number {
    const sql = 'SELECT count(*) AS count FROM connections WHERE owner = ? AND org = ? AND deleted_at IS NULL';
    return Number(this.#db.get(sql, owner, org)?.count);
  }

  /** How many connections that are not deleted are in each status, of all owners together. */
  countByStatus(): readonly { readonly status: string; readonly count: number }[] {
    const sql =
      'SELECT status, count(*) AS count FROM connections WHERE deleted_at IS NULL GROUP BY status ORDER BY status';
    return this.#db.all(sql).map((row) => ({ status: String(row.status), count: Number(row.count) }));
  }

  /** Whether a key may seal for one of the owner's connections now. */
  isSealer(owner: string, org: string, jkt: string): boolean {
    const sql = `SELECT 1 AS one FROM connections JOIN envelopes USING (handle, ver), json_each(envelopes.trusted) AS trusted
      WHERE owner = ? AND org = ? AND deleted_at IS NULL AND status <> 'revoked' AND trusted.value = ? LIMIT 1`;
    return this.#db.get(sql, owner, org, jkt) !== undefined;
  }

  isNameTaken(owner: string, org: string, name: string): boolean {
    const sql =
      "SELECT 1 AS one FROM connections WHERE org = ? AND owner = ? AND name = ? AND deleted_at IS NULL AND status <> 'revoked'";
    return this.#db.get(sql, org, owner, name) !== undefined;
  }

  envelope(handle: ConnectionHandle, ver: number): StoredEnvelope | undefined {
    const row = this.#db.get('SELECT * FROM envelopes WHERE handle = ? AND ver = ?', handle, ver);
    if (row === undefined) return undefined;
    return {
      ...(row as unknown as StoredEnvelope),
      endorsements: JSON.parse(String(row.endorsements)) as string[],
      trusted: JSON.parse(String(row.trusted)) as string[],
    };
  }

  /** What its owner sealed into a version: for each token that names it again. @throws DAuthError for what is no envelope */
  policy(handle: ConnectionHandle, ver: number): EnvelopePolicy | undefined {
    const sql = 'SELECT envelope AS text FROM envelopes WHERE handle = ? AND ver = ?';
    return this.#policies.of(this.#db.get(sql, handle, ver));
  }

  add(connection: Connection, envelope: StoredEnvelope): void {
    const { handle, owner, org, name, status, ver, created_at: now } = connection;
    this.#db.run(
      'INSERT INTO connections (handle, owner, org, name, status, ver, created_at, updated_at) VALUES (?,?,?,?,?,?,?,?)',
      ...[handle, owner, org, name, status, ver, now, now],
    );
    this.#addEnvelope(envelope, now);
    this.#announce(handle, status, ver);
  }

  /**
   * Moves to the next version. A new credential ends `needs_reauthorization`; it does not lift a suspension.
   * @returns false where another version came first (compare and swap on `ver`)
   */
  rotate(envelope: StoredEnvelope, now: number): boolean {
    const { handle, ver } = envelope;
    const row = this.#db.get(
      `UPDATE connections SET ver = ?, status = iif(status = 'suspended', 'suspended', 'active'), updated_at = ?
       WHERE handle = ? AND ver = ? AND deleted_at IS NULL AND status <> 'revoked' RETURNING status`,
      ...[ver, now, handle, ver - 1],
    );
    if (row === undefined) return false;
    this.#replaceEnvelope(envelope, row.status as ConnectionStatus, now);
    return true;
  }

  /**
   * Moves to the version that the executor made out of the current one. What came is new, so it ends `needs_reauthorization`, which
   * another node may have said of the one before.
   * @returns false where another version came first, or the connection ended (compare and swap on `ver`)
   */
  reseal(envelope: StoredEnvelope, now: number): boolean {
    const { handle, ver } = envelope;
    const row = this.#db.get(
      `UPDATE connections SET ver = ?, status = iif(status = 'needs_reauthorization', 'active', status), updated_at = ?
       WHERE handle = ? AND ver = ? AND deleted_at IS NULL AND status <> 'revoked' RETURNING status`,
      ...[ver, now, handle, ver - 1],
    );
    if (row === undefined) return false;
    this.#replaceEnvelope(envelope, row.status as ConnectionStatus, now);
    return true;
  }

  setStatus(handle: ConnectionHandle, status: ConnectionStatus, ver: number, now: number): void {
    this.#db.run('UPDATE connections SET status = ?, updated_at = ? WHERE handle = ?', status, now, handle);
    this.#announce(handle, status, ver);
  }

  /** Leaves a tombstone: the row without its ciphertext. */
  bury(handle: ConnectionHandle, ver: number, now: number): void {
    this.#db.run('DELETE FROM envelopes WHERE handle = ?', handle);
    this.#db.run(
      "UPDATE connections SET status = 'revoked', deleted_at = ?, updated_at = ? WHERE handle = ?",
      now,
      now,
      handle,
    );
    this.#announce(handle, 'revoked', ver);
  }

  touch(handle: string, usedAt: number): void {
    this.#db.run(
      'UPDATE connections SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE handle = ?',
      usedAt,
      handle,
    );
  }

  /** Executors are served the current version, and its seal chain stands with it: nobody reads a superseded one again. */
  #replaceEnvelope(envelope: StoredEnvelope, status: ConnectionStatus, now: number): void {
    this.#db.run('DELETE FROM envelopes WHERE handle = ?', envelope.handle);
    this.#addEnvelope(envelope, now);
    this.#announce(envelope.handle, status, envelope.ver);
  }

  #addEnvelope(stored: StoredEnvelope, now: number): void {
    this.#db.run(
      'INSERT INTO envelopes (handle, ver, envelope, seal_proof, endorsements, trusted, reseal, created_at) VALUES (?,?,?,?,?,?,?,?)',
      ...[stored.handle, stored.ver, stored.envelope, stored.seal_proof],
      ...[JSON.stringify(stored.endorsements), JSON.stringify(stored.trusted), stored.reseal, now],
    );
  }

  #announce(handle: ConnectionHandle, status: ConnectionStatus, ver: number): void {
    const change: Omit<Extract<StatusChange, { kind: 'connection' }>, 'revision'> = {
      kind: 'connection',
      handle,
      status,
      ver,
    };
    this.#changes.append(change);
  }
}
