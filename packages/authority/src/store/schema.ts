/**
 * Numbered migrations, plain SQL (spec/storage.md says what each record is and how long it lives).
 * Never edited once released: a later version adds a number. No table has a column for a plaintext or an opening key.
 */
import type { Database } from './driver.ts';

const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE clients (
    client_id TEXT PRIMARY KEY, name TEXT NOT NULL, jwk TEXT NOT NULL, jkt TEXT NOT NULL, grants TEXT NOT NULL,
    owner TEXT, org TEXT NOT NULL, scopes TEXT, created_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE servers (
    resource TEXT PRIMARY KEY, client_id TEXT NOT NULL UNIQUE REFERENCES clients, scopes TEXT NOT NULL, org TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE connections (
    handle TEXT PRIMARY KEY, owner TEXT NOT NULL, org TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
    ver INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, last_used_at INTEGER, deleted_at INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX connections_name ON connections (org, owner, name) WHERE deleted_at IS NULL AND status <> 'revoked';
  CREATE INDEX connections_owner ON connections (owner, org, handle);
  CREATE TABLE envelopes (
    handle TEXT NOT NULL REFERENCES connections, ver INTEGER NOT NULL, envelope TEXT NOT NULL, seal_proof TEXT NOT NULL,
    endorsements TEXT NOT NULL, trusted TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (handle, ver)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE grants (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL, org TEXT NOT NULL, client_id TEXT NOT NULL,
    resource TEXT NOT NULL, expires_at INTEGER, created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX grants_by ON grants (owner, org, client_id, resource, kind);
  CREATE TABLE revoked (what TEXT NOT NULL, id TEXT NOT NULL, revoked_at INTEGER NOT NULL, PRIMARY KEY (what, id)) STRICT, WITHOUT ROWID;
  CREATE TABLE changes (revision INTEGER PRIMARY KEY, change TEXT NOT NULL) STRICT;
  CREATE TABLE consumed (key TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX consumed_expiry ON consumed (expires_at);
  CREATE TABLE windows (key TEXT PRIMARY KEY, server TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX windows_expiry ON windows (expires_at);
  CREATE TABLE audit (
    executor TEXT NOT NULL, seq INTEGER NOT NULL, line TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (executor, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE checkpoints (
    executor TEXT NOT NULL, seq INTEGER NOT NULL, checkpoint TEXT NOT NULL, PRIMARY KEY (executor, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE operations (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, actor TEXT NOT NULL, as_operator INTEGER NOT NULL,
    action TEXT NOT NULL, subject TEXT NOT NULL
  ) STRICT;
  `,
  // Clients that are public, that register themselves, or that may not be bound; grants that a person narrowed.
  `
  ALTER TABLE clients ADD COLUMN auth TEXT NOT NULL DEFAULT 'private_key_jwt';
  ALTER TABLE clients ADD COLUMN redirect_uris TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE clients ADD COLUMN bound INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE clients ADD COLUMN nonces INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE clients ADD COLUMN source TEXT NOT NULL DEFAULT 'operator';
  ALTER TABLE grants ADD COLUMN scopes TEXT;
  ALTER TABLE grants ADD COLUMN details TEXT;
  `,
  // People: who they are, where they are signed in, and codes by which they choose their first password.
  `
  CREATE TABLE users (
    sub TEXT PRIMARY KEY, org TEXT NOT NULL, login TEXT NOT NULL UNIQUE, name TEXT NOT NULL, email TEXT,
    password TEXT NOT NULL, role TEXT NOT NULL, created_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY, sub TEXT NOT NULL REFERENCES users, created_at INTEGER NOT NULL, seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_sub ON sessions (sub);
  CREATE TABLE invitations (
    code TEXT PRIMARY KEY, sub TEXT NOT NULL UNIQUE, org TEXT NOT NULL, login TEXT UNIQUE, name TEXT, email TEXT,
    role TEXT NOT NULL, expires_at INTEGER NOT NULL, created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // The authorization code flow: requests that wait for a person, codes, refresh tokens. Each is known by its hash only.
  `
  CREATE TABLE pushed (
    hash TEXT PRIMARY KEY, client_id TEXT NOT NULL, request TEXT NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX pushed_client ON pushed (client_id);
  CREATE INDEX pushed_expiry ON pushed (expires_at);
  CREATE TABLE asks (
    hash TEXT PRIMARY KEY, session TEXT NOT NULL, owner TEXT NOT NULL, org TEXT NOT NULL, ask TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX asks_owner ON asks (owner, org, expires_at);
  CREATE INDEX asks_expiry ON asks (expires_at);
  CREATE TABLE codes (
    hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL, client_id TEXT NOT NULL, terms TEXT NOT NULL, used INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX codes_expiry ON codes (expires_at);
  CREATE TABLE refresh_tokens (
    family TEXT PRIMARY KEY, hash TEXT NOT NULL, grant_id TEXT NOT NULL, client_id TEXT NOT NULL, jkt TEXT,
    terms TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id, created_at);
  CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);
  `,
  // Clients that no operator registered end when nobody uses them.
  `
  ALTER TABLE clients ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX clients_used ON clients (source, used_at);
  `,
  // The device flow: codes of devices that wait for a person, each known by its hash only.
  `
  CREATE TABLE devices (
    hash TEXT PRIMARY KEY, user_code TEXT NOT NULL UNIQUE, client_id TEXT NOT NULL, request TEXT NOT NULL, jkt TEXT,
    pause INTEGER NOT NULL, polled_at INTEGER, state TEXT NOT NULL, grant_id TEXT, terms TEXT, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX devices_client ON devices (client_id);
  CREATE INDEX devices_expiry ON devices (expires_at);
  `,
  // What each change is about, so that those without effect can be dropped.
  `
  ALTER TABLE changes ADD COLUMN what TEXT NOT NULL DEFAULT '';
  ALTER TABLE changes ADD COLUMN id TEXT NOT NULL DEFAULT '';
  UPDATE changes SET what = coalesce(json_extract(change, '$.what'), json_extract(change, '$.kind')),
    id = coalesce(json_extract(change, '$.id'), json_extract(change, '$.handle'));
  CREATE INDEX changes_about ON changes (what, id, revision);
  `,
  // What the executor states about a version that it sealed again, and who may exchange a refresh token now.
  `
  ALTER TABLE envelopes ADD COLUMN reseal TEXT;
  CREATE TABLE leases (
    handle TEXT PRIMARY KEY REFERENCES connections, ver INTEGER NOT NULL, holder TEXT NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // Until when revocations of tokens and grants were dropped: a wall clock that is set back must not revive what they ended.
  `
  CREATE TABLE forgotten (at INTEGER NOT NULL) STRICT;
  INSERT INTO forgotten (at) VALUES (0);
  `,
  // Where strangers come from who take room that is everybody's.
  `
  ALTER TABLE clients ADD COLUMN unused_from TEXT NOT NULL DEFAULT '';
  CREATE INDEX clients_unused_from ON clients (unused_from, used_at) WHERE source = 'dynamic';
  ALTER TABLE devices ADD COLUMN address TEXT NOT NULL DEFAULT '';
  `,
  // Every token writes here, and an index over when a row ends was most of that: whoever sweeps reads all rows for less.
  `
  DROP INDEX consumed_expiry;
  DROP INDEX windows_expiry;
  `,
];

/** Brings a database to the newest version, one transaction a step. */
export function migrate(database: Database): void {
  database.exec('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT');
  const current = Number(database.get('SELECT coalesce(max(version), 0) AS version FROM schema_version')?.version ?? 0);
  if (current > MIGRATIONS.length)
    throw new Error('The database was written by a newer version of DAuth; upgrade before starting.');
  MIGRATIONS.slice(current).forEach((sql, index) => {
    database.transaction(() => {
      database.exec(sql);
      database.run('INSERT INTO schema_version (version) VALUES (?)', current + index + 1);
    });
  });
}
