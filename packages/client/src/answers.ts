/**
 * The authority's answers, parsed from `unknown` into what their types say. Never believed for more than display: what is
 * sealed or signed comes from elsewhere (sealed.ts, directory.ts).
 */
import {
  exactObject,
  integer,
  list,
  LIMITS,
  parseAllow,
  parseConnectionName,
  parseConnectionStatus,
  parseEndorsements,
  parseHandle,
  parseInjections,
  parseResource,
  parseThumbprint,
  refuse,
  seconds,
  text,
  type AllowRule,
  type ConnectionHandle,
  type ConnectionStatus,
  type Injection,
  type Pins,
} from '@dauth/protocol';
import type { StoredSeal } from './sealed.ts';

/** A connection as the authority shows it: its policy, never its credential. */
export interface ConnectionView {
  readonly handle: ConnectionHandle;
  readonly owner: string;
  readonly org: string;
  readonly name: string;
  readonly status: ConnectionStatus;
  readonly ver: number;
  readonly kid: string;
  readonly servers: readonly string[];
  readonly allow: readonly AllowRule[];
  readonly inject: readonly Injection[];
  readonly pin?: Pins;
  /** Of a login: the connection that its answers are captured into. */
  readonly captured_into?: ConnectionHandle;
  /** Of what is captured: the login that it comes through, and ends with. */
  readonly captured_from?: ConnectionHandle;
  /** Unix seconds. */
  readonly created_at: number;
  readonly updated_at: number;
  readonly last_used_at: number | null;
  readonly expires_at: number;
}

/** A connection as the authority shows it when it takes an envelope. */
export interface TakenConnection extends ConnectionView {
  /** Those of its servers that are not registered there (yet): until they are, nothing is used through them. */
  readonly unknown_servers: readonly string[];
}

/** A connection with its current envelope, for `verifySeal`. */
export type StoredConnection = ConnectionView & Required<Omit<StoredSeal, 'reseal'>> & Pick<StoredSeal, 'reseal'>;

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface AuditPage {
  readonly records: readonly string[];
  /** Number to ask after next. */
  readonly next: number;
}

export interface Caller {
  readonly sub: string;
  readonly org: string;
  readonly clientId: string;
  readonly scope: readonly string[];
  readonly isAdmin: boolean;
}

const MAX_ITEMS = 10_000;
const MAX_RECORDS = 1_000;
/** Characters of one journal record, as executors write them at most. */
const MAX_RECORD = 16_384;
const SHOWN = [
  ...['handle', 'owner', 'org', 'name', 'status', 'ver', 'kid', 'servers', 'allow', 'inject'],
  ...['created_at', 'updated_at', 'last_used_at', 'expires_at'],
];
const MAY_SHOW = ['pin', 'captured_into', 'captured_from'];

export function parseConnectionView(value: unknown): ConnectionView {
  return connectionOf(exactObject(value, 'A connection', SHOWN, MAY_SHOW));
}

export function parseTakenConnection(value: unknown): TakenConnection {
  const row = exactObject(value, 'A connection', SHOWN, [...MAY_SHOW, 'unknown_servers']);
  const { unknown_servers: unknown = [] } = row;
  const unknown_servers = list(unknown, '"unknown_servers"', 0, LIMITS.policyNames, parseResource);
  return Object.freeze({ ...connectionOf(row), unknown_servers });
}

export function parseStoredConnection(value: unknown): StoredConnection {
  const row = exactObject(
    value,
    'A connection',
    [...SHOWN, 'envelope', 'seal_proof'],
    [...MAY_SHOW, 'endorsements', 'reseal'],
  );
  return Object.freeze({
    ...connectionOf(row),
    envelope: text(row.envelope, '"envelope"', LIMITS.envelope),
    seal_proof: text(row.seal_proof, '"seal_proof"', LIMITS.proof),
    endorsements: row.endorsements === undefined ? [] : parseEndorsements(row.endorsements),
    ...(row.reseal === undefined ? {} : { reseal: text(row.reseal, '"reseal"', LIMITS.proof) }),
  });
}

function connectionOf(row: Readonly<Record<string, unknown>>): ConnectionView {
  return Object.freeze({
    handle: parseHandle(row.handle),
    owner: text(row.owner, '"owner"', 256),
    org: text(row.org, '"org"', 128),
    name: parseConnectionName(row.name),
    status: parseConnectionStatus(row.status),
    ver: integer(row.ver, '"ver"', 1, 2 ** 31),
    kid: parseThumbprint(row.kid, '"kid"'),
    servers: list(row.servers, '"servers"', 1, LIMITS.policyNames, parseResource),
    allow: parseAllow(row.allow),
    inject: parseInjections(row.inject),
    ...(row.pin === undefined ? {} : { pin: parsePins(row.pin) }),
    ...(row.captured_into === undefined ? {} : { captured_into: parseHandle(row.captured_into) }),
    ...(row.captured_from === undefined ? {} : { captured_from: parseHandle(row.captured_from) }),
    created_at: seconds(row.created_at, '"created_at"'),
    updated_at: seconds(row.updated_at, '"updated_at"'),
    last_used_at: row.last_used_at === null ? null : seconds(row.last_used_at, '"last_used_at"'),
    expires_at: seconds(row.expires_at, '"expires_at"'),
  });
}

/** @returns a parser of pages of what `parse` knows */
export function pageOf<T>(parse: (item: unknown) => T): (value: unknown) => Page<T> {
  return (value) => {
    const page = exactObject(value, 'A page', ['items', 'next']);
    return Object.freeze({
      items: list(page.items, '"items"', 0, MAX_ITEMS, parse),
      next: page.next === null ? null : text(page.next, '"next"', 600),
    });
  };
}

/** @param after what was asked for: records without a higher `next` would be asked for without end */
export function parseAuditPage(value: unknown, after: number): AuditPage {
  const page = exactObject(value, 'A page of the journal', ['records', 'next']);
  const records = list(page.records, '"records"', 0, MAX_RECORDS, (line) => text(line, 'A record', MAX_RECORD));
  const next = integer(page.next, '"next"', after, Number.MAX_SAFE_INTEGER);
  if (records.length > 0 && next === after) refuse('A page of the journal leads to itself.');
  return Object.freeze({ records, next });
}

export function parseCaller(value: unknown): Caller {
  const caller = exactObject(value, 'A caller', ['sub', 'org', 'clientId', 'scope', 'isAdmin']);
  return Object.freeze({
    sub: text(caller.sub, '"sub"', 256),
    org: text(caller.org, '"org"', 128),
    clientId: text(caller.clientId, '"clientId"', 256),
    scope: words(caller.scope, '"scope"'),
    isAdmin: flag(caller.isAdmin, '"isAdmin"'),
  });
}

/** Of the key that signs next. */
export interface KeyRotation {
  readonly kid: string;
  /** Unix second from which it signs; until then it is published only. */
  readonly signs_from: number;
}

export function parseKeyRotation(value: unknown): KeyRotation {
  const rotation = exactObject(value, 'A rotation of keys', ['kid', 'signs_from']);
  return Object.freeze({
    kid: parseThumbprint(rotation.kid, '"kid"'),
    signs_from: integer(rotation.signs_from, '"signs_from"', 0, Number.MAX_SAFE_INTEGER),
  });
}

export function parseRevocation(value: unknown): {
  readonly what: string;
  readonly id: string;
  readonly revision: number;
} {
  const revocation = exactObject(value, 'A revocation', ['what', 'id', 'revision']);
  return Object.freeze({
    what: text(revocation.what, '"what"', 64),
    id: text(revocation.id, '"id"', 512),
    revision: integer(revocation.revision, '"revision"', 0, Number.MAX_SAFE_INTEGER),
  });
}

function parsePins(value: unknown): Pins {
  const { jkt, server_jkt } = exactObject(value, '"pin"', [], ['jkt', 'server_jkt']);
  const keys = (of: unknown) => list(of, '"pin"', 1, LIMITS.policyNames, (item) => parseThumbprint(item, '"pin"'));
  return Object.freeze({
    ...(jkt === undefined ? {} : { jkt: keys(jkt) }),
    ...(server_jkt === undefined ? {} : { server_jkt: keys(server_jkt) }),
  });
}

export function flag(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') refuse(`${what} must be true or false.`);
  return value;
}

export function words(value: unknown, what: string): readonly string[] {
  return list(value, what, 0, 256, (item) => text(item, what, 128));
}
