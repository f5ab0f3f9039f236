/**
 * The scheme `postgres` (§2.7): a password that the executor logs in to PostgreSQL with, as whom, how, and what holds for every
 * session. Never holds a value and never logs in.
 */
import { originParts } from './origin.ts';
import type { AllowRule } from './policy.ts';
import { distinct, exactObject, integer, list, refuse } from './shape.ts';
import { namedFields, parseTemplate, type Template } from './template.ts';

/** How a password may be shown: SCRAM tells the server nothing it could log in with elsewhere, MD5 does. */
export type PostgresAuth = 'scram-sha-256' | 'md5';

export interface Postgres {
  readonly scheme: 'postgres';
  /** Fixed text: whoever a driver says it is, this is who logs in. */
  readonly user: string;
  readonly password: Template;
  readonly auth: readonly PostgresAuth[];
  /** Milliseconds that one statement may take. */
  readonly statement_timeout_ms: number;
}

/** What a session may do, in the place of a method: it stands in rules and in tokens, so that each of them can narrow it. */
export const POSTGRES_METHODS: readonly string[] = Object.freeze(['READ', 'WRITE']);

const AUTHS: readonly PostgresAuth[] = ['scram-sha-256', 'md5'];
/** PostgreSQL cuts longer names off (NAMEDATALEN), and would so log in as somebody else. */
const USER = /^[\x21-\x7e]{1,63}$/;
/** One path segment that nobody decodes, and a name that no connection string could take for parameters of its own. */
const DATABASE = /^\/([A-Za-z0-9_][A-Za-z0-9_.-]{0,62})$/;
const TIMEOUT_MS = { usual: 30_000, most: 600_000 };

/** @throws DAuthError `INVALID_REQUEST` */
export function parsePostgres(value: unknown): Postgres {
  const said = exactObject(
    value,
    'The scheme "postgres"',
    ['scheme', 'user', 'password'],
    ['auth', 'statement_timeout_ms'],
  );
  if (typeof said.user !== 'string' || !USER.test(said.user))
    refuse('"user" is 1 to 63 visible ASCII characters, as fixed text.');
  const password = parseTemplate(said.password, true);
  if (password !== `{${namedFields([password])[0]}}`)
    refuse('"password" is one field and nothing else, as in "{password}".');
  return Object.freeze({
    scheme: 'postgres',
    user: said.user,
    password,
    auth: said.auth === undefined ? Object.freeze(['scram-sha-256'] as const) : parseAuth(said.auth),
    statement_timeout_ms:
      said.statement_timeout_ms === undefined
        ? TIMEOUT_MS.usual
        : integer(said.statement_timeout_ms, '"statement_timeout_ms"', 1, TIMEOUT_MS.most),
  });
}

function parseAuth(value: unknown): readonly PostgresAuth[] {
  const known = (item: unknown): PostgresAuth =>
    AUTHS.find((auth) => auth === item) ?? refuse('"auth" names "scram-sha-256" and "md5" only.');
  return distinct(list(value, '"auth"', 1, AUTHS.length, known), '"auth"', String);
}

/** The database that a path of a session names; undefined where it names none. */
export function databaseOf(path: string): string | undefined {
  return DATABASE.exec(path)?.[1];
}

/**
 * A password of a database goes to databases, and nothing else does: so that neither is ever shown to the other's servers.
 * @throws DAuthError `INVALID_REQUEST`
 */
export function assertSessions(hasLogin: boolean, allow: readonly AllowRule[]): void {
  for (const rule of allow) {
    const isDatabase = originParts(rule.origin).scheme === 'postgres';
    if (isDatabase !== hasLogin)
      refuse('The scheme "postgres" goes with origins "postgres://…", and they go with nothing else.');
    if (!hasLogin) continue;
    if (rule.methods.some((method) => !POSTGRES_METHODS.includes(method)))
      refuse('The methods of a database are READ and WRITE.');
    if (rule.paths.some((path) => databaseOf(path) === undefined))
      refuse('A path of a database is its name, as in "/shop": letters, digits, "_", "-" and ".".');
    if (rule.query !== undefined || rule.body !== undefined || rule.graphql !== undefined)
      refuse('A rule for a database has no "query" and no "body", nor "graphql".');
  }
}
