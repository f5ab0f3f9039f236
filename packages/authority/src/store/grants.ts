/** Grants: who may act for whom, where, with what, until when. A token never exceeds its row. */
import type { ConnectionDetail } from '@dauth/protocol';
import type { Database, Row } from './driver.ts';
import { ALL, FIRST } from './page.ts';
import { asRow, asText, Remembered } from './remembered.ts';

/**
 * `client`: the operator's registration itself; `runner`: an owner lets a runner use pinned envelopes; `consent`: what a
 * person said yes to on the consent or device page.
 */
export interface Grant {
  readonly id: string;
  readonly kind: 'client' | 'runner' | 'consent';
  readonly owner: string;
  readonly org: string;
  readonly client_id: string;
  readonly resource: string;
  /** What was consented to, and the most any token of this grant carries; null: what the registration allows. */
  readonly scopes: readonly string[] | null;
  /** Connections with their narrowed methods and paths; null: not narrowed by the grant. */
  readonly details: readonly ConnectionDetail[] | null;
  readonly expires_at: number | null;
  readonly created_at: number;
}

/** Neither ended nor revoked; takes the time as its parameter. */
const LIVE = `(expires_at IS NULL OR expires_at > ?)
  AND NOT EXISTS (SELECT 1 FROM revoked WHERE revoked.what = 'grant' AND revoked.id = grants.id)`;

const GRANT = asText('id kind owner org client_id resource scopes details expires_at created_at');

export class Grants {
  readonly #db: Database;
  readonly #found = new Remembered((text) => asGrant(asRow(text))!);

  constructor(database: Database) {
    this.#db = database;
  }

  get(id: string): Grant | undefined {
    return asGrant(this.#db.get('SELECT * FROM grants WHERE id = ?', id));
  }

  /** The newest live grant of this kind. */
  find(by: Pick<Grant, 'kind' | 'owner' | 'org' | 'client_id' | 'resource'>, now: number): Grant | undefined {
    const sql = `SELECT ${GRANT} FROM grants WHERE ${LIVE} AND owner = ? AND org = ? AND client_id = ? AND resource = ? AND kind = ?
       ORDER BY created_at DESC, id DESC LIMIT 1`;
    return this.#found.of(this.#db.get(sql, now, by.owner, by.org, by.client_id, by.resource, by.kind));
  }

  /** A live grant that says exactly the same, to the second of its end. */
  findSame(by: Omit<Grant, 'id' | 'created_at'>, now: number): Grant | undefined {
    const sql = `SELECT * FROM grants WHERE ${LIVE} AND owner = ? AND org = ? AND client_id = ? AND resource = ? AND kind = ?
      AND expires_at IS ? LIMIT 1`;
    const values = [now, by.owner, by.org, by.client_id, by.resource, by.kind, by.expires_at];
    return asGrant(this.#db.get(sql, ...values));
  }

  /** Whether any grant of this kind was ever given: a revoked registration grant does not come back by asking again. */
  had(by: Pick<Grant, 'kind' | 'owner' | 'org' | 'client_id' | 'resource'>): boolean {
    const sql =
      'SELECT 1 AS one FROM grants WHERE owner = ? AND org = ? AND client_id = ? AND resource = ? AND kind = ? LIMIT 1';
    return this.#db.get(sql, by.owner, by.org, by.client_id, by.resource, by.kind) !== undefined;
  }

  add(grant: Grant): void {
    const sql = `INSERT INTO grants (id, kind, owner, org, client_id, resource, scopes, details, expires_at, created_at)
      VALUES (?,?,?,?,?,?,?,?,?,?)`;
    this.#db.run(
      sql,
      ...[grant.id, grant.kind, grant.owner, grant.org, grant.client_id, grant.resource],
      ...[asJson(grant.scopes), asJson(grant.details), grant.expires_at, grant.created_at],
    );
  }

  /** Gives a consent its new extent and end: the row stays, and what was issued under it with it. */
  update({ id, scopes, details, expires_at }: Pick<Grant, 'id' | 'scopes' | 'details' | 'expires_at'>): void {
    const sql = "UPDATE grants SET scopes = ?, details = ?, expires_at = ? WHERE id = ? AND kind = 'consent'";
    this.#db.run(sql, asJson(scopes), asJson(details), expires_at, id);
  }

  /** A page of the live grants of one owner, or of all, in the order they were given. */
  list(owner: { sub: string; org: string } | null, now: number, after = FIRST, limit = ALL): Grant[] {
    const whose = owner === null ? '' : 'AND owner = ? AND org = ?';
    const sql = `SELECT * FROM grants WHERE ${LIVE} AND (created_at, id) > (?, ?) ${whose} ORDER BY created_at, id LIMIT ?`;
    const values = [now, after.created_at, after.id, ...(owner === null ? [] : [owner.sub, owner.org]), limit];
    return this.#db.all(sql, ...values).map((row) => asGrant(row)!);
  }

  /** How many live grants an owner gave, to runners and to apps. */
  count(owner: string, org: string, now: number): number {
    const sql = `SELECT count(*) AS count FROM grants WHERE ${LIVE} AND owner = ? AND org = ? AND kind <> 'client'`;
    return Number(this.#db.get(sql, now, owner, org)?.count);
  }

  /** Drops the grants that an owner gave and that ended: asking for them again must not fill the table. */
  dropEnded(owner: string, org: string, now: number): void {
    this.#db.run(
      `DELETE FROM grants WHERE NOT (${LIVE}) AND owner = ? AND org = ? AND kind <> 'client'`,
      now,
      owner,
      org,
    );
  }
}

function asJson(value: readonly unknown[] | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

function asGrant(row: Row | undefined): Grant | undefined {
  if (row === undefined) return undefined;
  return {
    ...(row as unknown as Grant),
    scopes: row.scopes === null ? null : (JSON.parse(String(row.scopes)) as string[]),
    details: row.details === null ? null : (JSON.parse(String(row.details)) as ConnectionDetail[]),
  };
}
