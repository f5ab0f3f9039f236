/** Clients, servers and grants: who may ask for what. Never a secret: keys here are public ones. */
import { parsePublicJwk, type PublicJwk } from '@dauth/protocol';
import type { Database, Row } from './driver.ts';
import { ALL, FIRST } from './page.ts';

export interface Client {
  readonly client_id: string;
  readonly name: string;
  readonly jwk: PublicJwk;
  readonly jkt: string;
  /** Grant types the client may use. */
  readonly grants: readonly string[];
  /** The owner the operator registered the client for; without one the client is its own owner. */
  readonly owner: string | null;
  readonly org: string;
  /** Scopes the client may have; null: any that its resource offers, but never `dauth:admin`. */
  readonly scopes: readonly string[] | null;
  readonly created_at: number;
}

export interface Server {
  /** RFC 8707 resource URI; belongs to exactly one server client. */
  readonly resource: string;
  readonly client_id: string;
  readonly scopes: readonly string[];
  readonly org: string;
  readonly created_at: number;
}

/** `client`: the operator's registration itself; `runner`: an owner lets a runner use pinned envelopes. */
export interface Grant {
  readonly id: string;
  readonly kind: 'client' | 'runner';
  readonly owner: string;
  readonly org: string;
  readonly client_id: string;
  readonly resource: string;
  readonly expires_at: number | null;
  readonly created_at: number;
}

/** Neither ended nor revoked; takes the time as its parameter. */
const LIVE = "(expires_at IS NULL OR expires_at > ?) AND id NOT IN (SELECT id FROM revoked WHERE what = 'grant')";

export class Registry {
  readonly #db: Database;

  constructor(database: Database) {
    this.#db = database;
  }

  client(clientId: string): Client | undefined {
    return asClient(this.#db.get('SELECT * FROM clients WHERE client_id = ?', clientId));
  }

  /** A page of all clients, in the order they were registered. */
  clients(after = FIRST, limit = ALL): Client[] {
    const sql = `SELECT * FROM clients WHERE (created_at, client_id) > (?, ?) ORDER BY created_at, client_id LIMIT ?`;
    return this.#db.all(sql, after.created_at, after.id, limit).map((row) => asClient(row)!);
  }

  /** Whether a key is that of a client which speaks for this owner and was not revoked. */
  isOwnersKey(owner: string, org: string, jkt: string): boolean {
    const sql = `SELECT 1 AS one FROM clients WHERE coalesce(owner, client_id) = ? AND org = ? AND jkt = ?
      AND client_id NOT IN (SELECT id FROM revoked WHERE what = 'client') LIMIT 1`;
    return this.#db.get(sql, owner, org, jkt) !== undefined;
  }

  /** Adds a client, or replaces the registration of the same id (the operator's own, at start). */
  putClient(client: Client): void {
    this.#db.run(
      'INSERT OR REPLACE INTO clients (client_id, name, jwk, jkt, grants, owner, org, scopes, created_at) VALUES (?,?,?,?,?,?,?,?,?)',
      ...[client.client_id, client.name, JSON.stringify(client.jwk), client.jkt, JSON.stringify(client.grants)],
      ...[client.owner, client.org, client.scopes === null ? null : JSON.stringify(client.scopes), client.created_at],
    );
  }

  server(resource: string): Server | undefined {
    return asServer(this.#db.get('SELECT * FROM servers WHERE resource = ?', resource));
  }

  serverOf(clientId: string): Server | undefined {
    return asServer(this.#db.get('SELECT * FROM servers WHERE client_id = ?', clientId));
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

  grant(id: string): Grant | undefined {
    return this.#db.get('SELECT * FROM grants WHERE id = ?', id) as Grant | undefined;
  }

  /** The newest live grant of this kind. */
  findGrant(by: Pick<Grant, 'kind' | 'owner' | 'org' | 'client_id' | 'resource'>, now: number): Grant | undefined {
    return this.#db.get(
      `SELECT * FROM grants WHERE ${LIVE} AND owner = ? AND org = ? AND client_id = ? AND resource = ? AND kind = ?
       ORDER BY created_at DESC, id DESC LIMIT 1`,
      ...[now, by.owner, by.org, by.client_id, by.resource, by.kind],
    ) as Grant | undefined;
  }

  /** A live grant that says exactly the same, to the second of its end. */
  findSameGrant(by: Omit<Grant, 'id' | 'created_at'>, now: number): Grant | undefined {
    const sql = `SELECT * FROM grants WHERE ${LIVE} AND owner = ? AND org = ? AND client_id = ? AND resource = ? AND kind = ?
      AND expires_at IS ? LIMIT 1`;
    return this.#db.get(sql, now, by.owner, by.org, by.client_id, by.resource, by.kind, by.expires_at) as
      Grant | undefined;
  }

  /** Whether any grant of this kind was ever given: a revoked registration grant does not come back by asking again. */
  hadGrant(by: Pick<Grant, 'kind' | 'owner' | 'org' | 'client_id' | 'resource'>): boolean {
    const sql =
      'SELECT 1 AS one FROM grants WHERE owner = ? AND org = ? AND client_id = ? AND resource = ? AND kind = ? LIMIT 1';
    return this.#db.get(sql, by.owner, by.org, by.client_id, by.resource, by.kind) !== undefined;
  }

  addGrant(grant: Grant): void {
    this.#db.run(
      'INSERT INTO grants (id, kind, owner, org, client_id, resource, expires_at, created_at) VALUES (?,?,?,?,?,?,?,?)',
      ...[
        grant.id,
        grant.kind,
        grant.owner,
        grant.org,
        grant.client_id,
        grant.resource,
        grant.expires_at,
        grant.created_at,
      ],
    );
  }

  /** A page of the live grants of one owner, or of all, in the order they were given. */
  grants(owner: { sub: string; org: string } | null, now: number, after = FIRST, limit = ALL): Grant[] {
    const whose = owner === null ? '' : 'AND owner = ? AND org = ?';
    const sql = `SELECT * FROM grants WHERE ${LIVE} AND (created_at, id) > (?, ?) ${whose} ORDER BY created_at, id LIMIT ?`;
    const values = [now, after.created_at, after.id, ...(owner === null ? [] : [owner.sub, owner.org]), limit];
    return this.#db.all(sql, ...values) as unknown as Grant[];
  }

  /** How many live grants an owner gave to runners. */
  countGrants(owner: string, org: string, now: number): number {
    const sql = `SELECT count(*) AS count FROM grants WHERE ${LIVE} AND owner = ? AND org = ? AND kind = 'runner'`;
    return Number(this.#db.get(sql, now, owner, org)?.count);
  }

  /** Drops an owner's grants to runners that ended: asking for them again must not fill the table. */
  dropEndedGrants(owner: string, org: string, now: number): void {
    this.#db.run(
      `DELETE FROM grants WHERE NOT (${LIVE}) AND owner = ? AND org = ? AND kind = 'runner'`,
      now,
      owner,
      org,
    );
  }
}

function asClient(row: Row | undefined): Client | undefined {
  if (row === undefined) return undefined;
  return {
    ...(row as unknown as Client),
    jwk: parsePublicJwk(JSON.parse(String(row.jwk))),
    grants: JSON.parse(String(row.grants)) as string[],
    scopes: row.scopes === null ? null : (JSON.parse(String(row.scopes)) as string[]),
  };
}

function asServer(row: Row | undefined): Server | undefined {
  if (row === undefined) return undefined;
  return { ...(row as unknown as Server), scopes: JSON.parse(String(row.scopes)) as string[] };
}
