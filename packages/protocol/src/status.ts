/**
 * Messages of the status stream (§6): what changed, under one revision that rises by one per change, but where the authority
 * says that it skips some.
 * Never carries state that loosens: a change suspends, revokes, resumes or moves to a version; it grants nothing.
 */
import { parseHandle, type ConnectionHandle } from './handle.ts';
import { isObject, type JsonObject } from './json.ts';
import { parseResource } from './origin.ts';
import { exactObject, integer, list, refuse, seconds, text } from './shape.ts';

export const CONNECTION_STATUSES = Object.freeze(['active', 'suspended', 'revoked', 'needs_reauthorization'] as const);
export type ConnectionStatus = (typeof CONNECTION_STATUSES)[number];

export const REVOCABLE = Object.freeze(['token', 'grant', 'client', 'server', 'owner', 'org'] as const);
/** `token` is a `jti`, `server` a resource URI, the others their ids. */
export type Revocable = (typeof REVOCABLE)[number];

export type StatusChange =
  | {
      readonly kind: 'connection';
      readonly revision: number;
      readonly handle: ConnectionHandle;
      readonly status: ConnectionStatus;
      readonly ver: number;
    }
  | { readonly kind: 'revoked'; readonly revision: number; readonly what: Revocable; readonly id: string }
  /** Up to this revision, whatever is not told has no effect any more. */
  | { readonly kind: 'skipped'; readonly revision: number };

export interface StatusMessage {
  readonly iss: string;
  /** The executor's resource URL. */
  readonly aud: string;
  /** `jti` of the proof that opened this stream: a recorded stream cannot be played to another request. */
  readonly sid: string;
  /** 0, 1, 2 … within the stream. */
  readonly n: number;
  /** Highest revision once this message's changes are applied. */
  readonly revision: number;
  readonly iat: number;
  /** Milliseconds from when the authority took the stream's request to this signature, by a clock that never goes back. */
  readonly at_ms: number;
  readonly changes: readonly StatusChange[];
}

const MAX_CHANGES = 1_000;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseStatus(claims: JsonObject): StatusMessage {
  const names = ['iss', 'aud', 'sid', 'n', 'revision', 'iat', 'at_ms', 'changes'];
  const message = exactObject(claims, 'A status message', names);
  return Object.freeze({
    iss: parseResource(message.iss),
    aud: parseResource(message.aud),
    sid: text(message.sid, '"sid"', 128),
    n: integer(message.n, '"n"', 0, Number.MAX_SAFE_INTEGER),
    revision: revision(message.revision),
    iat: seconds(message.iat, '"iat"'),
    at_ms: integer(message.at_ms, '"at_ms"', 0, Number.MAX_SAFE_INTEGER),
    changes: list(message.changes, '"changes"', 0, MAX_CHANGES, parseChange),
  });
}

function parseChange(value: unknown): StatusChange {
  if (!isObject(value)) refuse('A status change must be an object.');
  if (value.kind === 'connection') {
    const change = exactObject(value, 'A connection change', ['kind', 'revision', 'handle', 'status', 'ver']);
    return Object.freeze({
      kind: 'connection',
      revision: revision(change.revision),
      handle: parseHandle(change.handle),
      status: parseConnectionStatus(change.status),
      ver: integer(change.ver, '"ver"', 1, 2 ** 31),
    });
  }
  if (value.kind === 'skipped') {
    const change = exactObject(value, 'A skip', ['kind', 'revision']);
    return Object.freeze({ kind: 'skipped', revision: revision(change.revision) });
  }
  const change = exactObject(value, 'A revocation', ['kind', 'revision', 'what', 'id']);
  if (change.kind !== 'revoked') refuse('A status change has a kind that is not known here.');
  if (!REVOCABLE.includes(change.what as Revocable)) refuse('A revocation names something that cannot be revoked.');
  return Object.freeze({
    kind: 'revoked',
    revision: revision(change.revision),
    what: change.what as Revocable,
    id: text(change.id, '"id"', 512),
  });
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseConnectionStatus(value: unknown): ConnectionStatus {
  if (!CONNECTION_STATUSES.includes(value as ConnectionStatus)) refuse('A connection status is not known here.');
  return value as ConnectionStatus;
}

function revision(value: unknown): number {
  return integer(value, '"revision"', 0, Number.MAX_SAFE_INTEGER);
}
