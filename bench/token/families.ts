/**
 * Refresh tokens of a person who said yes, written straight into the authority's SQLite while it runs: what a consent page would have
 * come to. Each works once, so every run begins with new ones, and goes on with what it is answered.
 */
import { createHash, randomBytes } from 'node:crypto';
import { openDatabase } from '../stage/database.ts';

export interface FamilyOptions {
  /** The authority's database. */
  readonly path: string;
  readonly clientId: string;
  readonly resource: string;
  readonly scope: string;
}

const LIFE_SECONDS = 3_600;

/** @returns makes so many refresh tokens, each of a family of its own */
export async function openFamilies({
  path,
  clientId,
  resource,
  scope,
}: FamilyOptions): Promise<AsyncDisposable & { readonly make: (count: number) => readonly string[] }> {
  const database = await openDatabase(path);
  const grant = `bench-${randomBytes(12).toString('hex')}`;
  const now = Math.floor(Date.now() / 1_000);
  const scopes = JSON.stringify([scope]);
  database.run(
    `INSERT INTO grants (id, kind, owner, org, client_id, resource, scopes, details, expires_at, created_at)
      VALUES (?,'consent','ada','default',?,?,?,'[]',NULL,?)`,
    ...[grant, clientId, resource, scopes, now],
  );
  const add = (): string => {
    const [family, secret] = [newSecret(), newSecret()];
    const at = Math.floor(Date.now() / 1_000);
    database.run(
      `INSERT INTO refresh_tokens (family, hash, grant_id, client_id, jkt, terms, created_at, expires_at)
        VALUES (?,?,?,?,NULL,?,?,?)`,
      ...[hashed(family), hashed(secret), grant, clientId, `{"scopes":${scopes},"details":[]}`, at, at + LIFE_SECONDS],
    );
    return `${family}.${secret}`;
  };
  return {
    make: (count) => database.transaction(() => Array.from({ length: count }, add)),
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

function hashed(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
