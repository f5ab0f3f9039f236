/** Clients and servers: who may ask, and for what. Never a secret: keys here are public ones. */
import { parsePublicJwk, type PublicJwk } from '@dauth/protocol';
import type { Database, Row } from './driver.ts';
import { ALL, FIRST } from './page.ts';
import { asRow, asText, Remembered } from './remembered.ts';

export interface Client {
  readonly client_id: string;
  readonly name: string;
  /** How it authenticates: with its registered key, or not at all (a public client: PKCE and DPoP stand in). */
  readonly auth: 'private_key_jwt' | 'none';
  /** Null for a public client. */
  readonly jwk: PublicJwk | null;
  /** Thumbprint of `jwk`. */
  readonly jkt: string | null;
  /** Grant types the client may use. */
  readonly grants: readonly string[];
  /** Where a browser may be sent back to; compared octet for octet. */
  readonly redirect_uris: readonly string[];
  /** The owner the operator registered the client for; without one the client is its own owner. */
  readonly owner: string | null;
  readonly org: string;
  /** Scopes the client may have; null: any that its resource offers, but never `dauth:admin`. */
  readonly scopes: readonly string[] | null;
  /** False only where an operator marked it: the Bearer exception (spec/dauth.md §4). */
  readonly dpop_bound_access_tokens: boolean;
  /** Whether its DPoP proofs need a nonce of ours (RFC 9449 §8). */
  readonly dpop_nonces: boolean;
  /** Who registered it: an operator, itself (RFC 7591), or the document behind its id (CIMD). */
  readonly source: 'operator' | 'dynamic' | 'document';
  readonly created_at: number;
}

/** What a client is unless its registration says otherwise. */
export const CLIENT_DEFAULTS = Object.freeze({
  auth: 'private_key_jwt',
  redirect_uris: [],
  dpop_bound_access_tokens: true,
  dpop_nonces: false,
  source: 'operator',
} as const);

/** Seconds. */
const DAY = 86_400;

export interface Server {
  /** RFC 8707 resource URI; belongs to exactly one server client. */
  readonly resource: string;
  readonly client_id: string;
  readonly scopes: readonly string[];
  readonly org: string;
  readonly created_at: number;
}

const CLIENT = asText(
  'client_id name auth jwk jkt grants redirect_uris owner org scopes bound nonces source created_at',
);
const SERVER = asText('resource client_id scopes org created_at');

export class Registry {
  readonly #db: Database;
  readonly #clients = new Remembered((text) => asClient(asRow(text))!);
  readonly #servers = new Remembered((text) => asServer(asRow(text))!);

  constructor(database: Database) {
    this.#db = database;
  }

  client(clientId: string): Client | undefined {
    return this.#clients.of(this.#db.get(`SELECT ${CLIENT} FROM clients WHERE client_id = ?`, clientId));
  }

  /** A page of all clients that were not revoked, in the order they were registered. */
  clients(after = FIRST, limit = ALL): Client[] {
    const sql = `SELECT * FROM clients WHERE (created_at, client_id) > (?, ?)
      AND client_id NOT IN (SELECT id FROM revoked WHERE what = 'client') ORDER BY created_at, client_id LIMIT ?`;
    return this.#db.all(sql, after.created_at, after.id, limit).map((row) => asClient(row)!);
  }

  /** Whether a client that was not revoked is marked for tokens without a key; only an operator's can be. */
  hasUnbound(): boolean {
    const sql = `SELECT 1 AS one FROM clients WHERE source = 'operator' AND bound = 0
      AND client_id NOT IN (SELECT id FROM revoked WHERE what = 'client')`;
    return this.#db.get(sql) !== undefined;
  }

  /** Whether a key is that of a client which speaks for this owner and was not revoked. */
  isOwnersKey(owner: string, org: string, jkt: string): boolean {
    const sql = `SELECT 1 AS one FROM clients WHERE coalesce(owner, client_id) = ? AND org = ? AND jkt = ?
      AND client_id NOT IN (SELECT id FROM revoked WHERE what = 'client') LIMIT 1`;
    return this.#db.get(sql, owner, org, jkt) !== undefined;
  }

  /**
   * Adds a client, or replaces the registration of the same id (the operator's own, at start).
   * @param from the address of one that registered itself
   */
  putClient(client: Client, from = ''): void {
    const sql = `INSERT INTO clients (client_id, name, auth, jwk, jkt, grants, redirect_uris, owner, org, scopes,
      bound, nonces, source, created_at, unused_from) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
      ON CONFLICT (client_id) DO UPDATE SET name = excluded.name, auth = excluded.auth, jwk = excluded.jwk,
        jkt = excluded.jkt, grants = excluded.grants, redirect_uris = excluded.redirect_uris, owner = excluded.owner,
        org = excluded.org, scopes = excluded.scopes, bound = excluded.bound, nonces = excluded.nonces,
        source = excluded.source, created_at = excluded.created_at`;
    this.#db.run(
      sql,
      // The columns of the key are older than public clients: there `null` and the empty text say "none".
      ...[client.client_id, client.name, client.auth, JSON.stringify(client.jwk), client.jkt ?? ''],
      ...[JSON.stringify(client.grants), JSON.stringify(client.redirect_uris), client.owner, client.org],
      ...[client.scopes === null ? null : JSON.stringify(client.scopes)],
      ...[Number(client.dpop_bound_access_tokens), Number(client.dpop_nonces), client.source, client.created_at, from],
    );
  }

  /** Notes that a client which no operator registered was used; to the day, so that few calls write. */
  touchClient(clientId: string, now: number): void {
    const sql = `UPDATE clients SET used_at = ?, unused_from = '' WHERE client_id = ? AND source <> 'operator' AND used_at <= ?`;
    this.#db.run(sql, now, clientId, now - DAY);
  }

  /** Drops clients that no operator registered: never used within a day, or for 90 days not again. */
  dropUnused(now: number): void {
    const sql = `DELETE FROM clients WHERE source <> 'operator' AND max(used_at + ?, created_at + ?) <= ?`;
    this.#db.run(sql, 90 * DAY, DAY, now);
  }

  countClients(source: Client['source']): number {
    return Number(this.#db.get('SELECT count(*) AS count FROM clients WHERE source = ?', source)?.count);
  }

  /** Clients that registered themselves from an address and were never used. */
  countUnusedFrom(address: string): number {
    const sql = "SELECT count(*) AS count FROM clients WHERE source = 'dynamic' AND used_at = 0 AND unused_from = ?";
    return Number(this.#db.get(sql, address)?.count);
  }

  /** Drops the documents that were unused longest, so that no more than `most` are left. */
  dropDocumentsBeyond(most: number): void {
    const sql = `DELETE FROM clients WHERE client_id IN (SELECT client_id FROM clients WHERE source = 'document'
      ORDER BY used_at DESC, created_at DESC, client_id LIMIT -1 OFFSET ?)`;
    this.#db.run(sql, most);
  }

  server(resource: string): Server | undefined {
    return this.#servers.of(this.#db.get(`SELECT ${SERVER} FROM servers WHERE resource = ?`, resource));
  }

  serverOf(clientId: string): Server | undefined {
    return asServer(this.#db.get('SELECT * FROM servers WHERE client_id = ?', clientId));
  }

  /** The server of an organisation that has one and no more; revoked ones do not count. */
  onlyServer(org: string): Server | undefined {
    const sql =
      "SELECT * FROM servers WHERE org = ? AND resource NOT IN (SELECT id FROM revoked WHERE what = 'server') LIMIT 2";
    const rows = this.#db.all(sql, org);
    return rows.length === 1 ? asServer(rows[0]) : undefined;
  }

  /** A page of all servers, in the order they were registered. */
  servers(after = FIRST, limit = ALL): Server[] {
    const sql = `SELECT * FROM servers WHERE (created_at, client_id) > (?, ?) ORDER BY created_at, client_id LIMIT ?`;
    return this.#db.all(sql, after.created_at, after.id, limit).map((row) => asServer(row)!);
  }

  /** @returns false where the resource belongs to a server already */
  addServer(server: Server): boolean {
    const values = [server.resource, server.client_id, JSON.stringify(server.scopes), server.org, server.created_at];
    return (
      this.#db.run(
        'INSERT OR IGNORE INTO servers (resource, client_id, scopes, org, created_at) VALUES (?,?,?,?,?)',
        ...values,
      ) === 1
    );
  }
}

function asClient(row: Row | undefined): Client | undefined {
  if (row === undefined) return undefined;
  const { bound, nonces, used_at: _, unused_from: __, ...rest } = row;
  const jwk = JSON.parse(String(row.jwk)) as unknown;
  return {
    ...(rest as unknown as Client),
    jwk: jwk === null ? null : parsePublicJwk(jwk),
    jkt: row.jkt === '' ? null : String(row.jkt),
    grants: JSON.parse(String(row.grants)) as string[],
    redirect_uris: JSON.parse(String(row.redirect_uris)) as string[],
    scopes: row.scopes === null ? null : (JSON.parse(String(row.scopes)) as string[]),
    dpop_bound_access_tokens: bound === 1,
    dpop_nonces: nonces === 1,
  };
}

function asServer(row: Row | undefined): Server | undefined {
  if (row === undefined) return undefined;
  return { ...(row as unknown as Server), scopes: JSON.parse(String(row.scopes)) as string[] };
}
