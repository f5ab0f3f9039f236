/**
 * Devices that wait for a person (RFC 8628), by the hashes of their two codes. One answer each, given once and fetched once.
 * Never more of them than a client can have in hand, and never a code itself.
 */
import type { Database, Row } from './driver.ts';

/** Devices of one client that wait, and of all: a public client is whoever knows its id. */
const PER_CLIENT = 256;
const ALL_CLIENTS = 4_096;
/** From one address: a quarter of what a client has, so that nobody keeps everybody else from signing in. */
const PER_ADDRESS = 64;

export interface Device<Request, Terms> {
  readonly hash: string;
  readonly client_id: string;
  readonly request: Request;
  /** Thumbprint of the key that asked; null under the Bearer exception. */
  readonly jkt: string | null;
  /** Seconds between two questions of the device. */
  readonly pause: number;
  readonly polled_at: number | null;
  readonly state: 'waiting' | 'denied' | 'allowed' | 'fetched';
  /** What the person said yes to. */
  readonly given: { readonly grant_id: string; readonly terms: Terms } | null;
  readonly expires_at: number;
}

export class Devices {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#db = database;
    this.#now = now;
  }

  /** Whether one more device of this client, at this address, may wait. */
  hasRoom(clientId: string, address: string): boolean {
    this.#db.run('DELETE FROM devices WHERE expires_at <= ?', this.#now());
    const sql = `SELECT count(*) AS all_clients, count(*) FILTER (WHERE client_id = ?) AS own,
      count(*) FILTER (WHERE address = ?) AS near FROM devices`;
    const { own, near, all_clients: all } = this.#db.get(sql, clientId, address)!;
    return Number(own) < PER_CLIENT && Number(near) < PER_ADDRESS && Number(all) < ALL_CLIENTS;
  }

  /** @param address for limits @returns false where another device waits with this user code */
  add<Request>(
    { hash, client_id, request, jkt, pause, expires_at }: Omit<Device<Request, never>, 'polled_at' | 'state' | 'given'>,
    userCode: string,
    address: string,
  ): boolean {
    const sql = `INSERT OR IGNORE INTO devices (hash, user_code, client_id, request, jkt, pause, state, expires_at, address)
      VALUES (?,?,?,?,?,?,'waiting',?,?)`;
    const values = [hash, userCode, client_id, JSON.stringify(request), jkt, pause, expires_at, address];
    return this.#db.run(sql, ...values) === 1;
  }

  /** By its device code; also finds those that were answered. One that ended stays until there is a new one. */
  find<Request, Terms>(hash: string): Device<Request, Terms> | undefined {
    return asDevice(this.#db.get('SELECT * FROM devices WHERE hash = ?', hash));
  }

  /** By its user code, while it waits. */
  waiting<Request>(userCode: string): Device<Request, never> | undefined {
    const sql = "SELECT * FROM devices WHERE user_code = ? AND state = 'waiting' AND expires_at > ?";
    return asDevice(this.#db.get(sql, userCode, this.#now()));
  }

  isWaiting(hash: string): boolean {
    const sql = "SELECT 1 AS one FROM devices WHERE hash = ? AND state = 'waiting' AND expires_at > ?";
    return this.#db.get(sql, hash, this.#now()) !== undefined;
  }

  polled(hash: string, pause: number): void {
    this.#db.run('UPDATE devices SET polled_at = ?, pause = ? WHERE hash = ?', this.#now(), pause, hash);
  }

  deny(hash: string): void {
    this.#db.run("UPDATE devices SET state = 'denied' WHERE hash = ? AND state = 'waiting'", hash);
  }

  allow(hash: string, grantId: string, terms: unknown): void {
    const sql = "UPDATE devices SET state = 'allowed', grant_id = ?, terms = ? WHERE hash = ? AND state = 'waiting'";
    this.#db.run(sql, grantId, JSON.stringify(terms), hash);
  }

  /** @returns false where it was fetched before */
  fetch(hash: string): boolean {
    return this.#db.run("UPDATE devices SET state = 'fetched' WHERE hash = ? AND state = 'allowed'", hash) === 1;
  }
}

function asDevice<Request, Terms>(row: Row | undefined): Device<Request, Terms> | undefined {
  if (row === undefined) return undefined;
  const { grant_id, terms, address: _, ...rest } = row;
  return {
    ...(rest as unknown as Device<Request, Terms>),
    request: JSON.parse(String(row.request)) as Request,
    given: grant_id === null ? null : { grant_id: String(grant_id), terms: JSON.parse(String(terms)) as Terms },
  };
}
