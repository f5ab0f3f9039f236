/**
 * Collects the executor's journal (spec/dauth.md §6): records continue the stored chain, a signed checkpoint closes them.
 * Never takes a record out of order, twice with other octets, or without a checkpoint by the pinned identity over it.
 */
import {
  DAuthError,
  exactObject,
  integer,
  isHandle,
  isObject,
  LIMITS,
  list,
  parseJson,
  parseThumbprint,
  text,
  TYP,
  type JsonObject,
} from '@dauth/protocol';
import { sha256Base64url, verifyEmbeddedJws } from '@dauth/verify';
import type { Authority } from '../context.ts';

const MAX_RECORDS = 1_000;
const MAX_LINE = 16_384;
/** What `prev` of the very first line is. */
const GENESIS = sha256Base64url('dauth journal');

/** @throws DAuthError `INVALID_REQUEST`, `CONFLICT` (the chain does not continue), `UNAUTHENTICATED` (the checkpoint) */
export function collectRecords(authority: Authority, value: unknown): void {
  const { store, config } = authority;
  const { identity } = config.executor;
  const body = exactObject(value, 'Journal records', ['records', 'checkpoint']);
  const lines = list(body.records, '"records"', 0, MAX_RECORDS, (item) => text(item, 'A record', MAX_LINE));
  const checkpoint = text(body.checkpoint, '"checkpoint"', LIMITS.proof);
  const end = readCheckpoint(identity, checkpoint);
  store.transaction(() => {
    let last = store.audit.last(identity) ?? { seq: 0, line: '', hash: GENESIS };
    for (const line of lines) {
      const record = readRecord(line);
      const hash = sha256Base64url(line);
      if (record.seq <= last.seq) {
        // Sent again because our answer was lost; the octets must be the ones we have.
        if (store.audit.at(identity, record.seq)?.hash !== hash) throw broken();
        continue;
      }
      if (record.seq !== last.seq + 1 || record.prev !== last.hash || record.seq > end.seq) throw broken();
      last = { seq: record.seq, line, hash };
      store.audit.append(identity, last);
      if (record.usedAt !== undefined) store.connections.touch(...record.usedAt);
    }
    const closed = end.seq === 0 ? GENESIS : store.audit.at(identity, end.seq)?.hash;
    if (closed !== end.hash) throw broken();
    store.audit.addCheckpoint(identity, end.seq, checkpoint);
  });
}

interface JournalRecord {
  readonly seq: number;
  readonly prev: unknown;
  /** An intent: which handle was used, in Unix seconds. */
  readonly usedAt: readonly [handle: string, time: number] | undefined;
}

function readRecord(line: string): JournalRecord {
  const record = parseJson(line, MAX_LINE);
  if (!isObject(record)) throw new DAuthError('INVALID_REQUEST', 'A record is not a JSON object.');
  return { seq: integer(record.seq, '"seq"', 1, Number.MAX_SAFE_INTEGER), prev: record.prev, usedAt: readUse(record) };
}

function readUse({ kind, handle, time }: JsonObject): JournalRecord['usedAt'] {
  if (kind !== 'intent' || !isHandle(handle) || typeof time !== 'string') return undefined;
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? undefined : [handle, Math.floor(ms / 1_000)];
}

function readCheckpoint(identity: string, compact: string): { seq: number; hash: string } {
  const { claims, jkt } = verifyEmbeddedJws(compact, {
    typ: TYP.checkpoint,
    maxLength: LIMITS.proof,
    what: 'The checkpoint',
  });
  const { iss, seq, hash } = exactObject(claims, 'A checkpoint', ['iss', 'seq', 'hash', 'iat']);
  if (jkt !== identity || iss !== identity)
    throw new DAuthError('UNAUTHENTICATED', 'The checkpoint is not by the pinned executor.');
  return { seq: integer(seq, '"seq"', 0, Number.MAX_SAFE_INTEGER), hash: parseThumbprint(hash, '"hash"') };
}

function broken(): DAuthError {
  return new DAuthError('CONFLICT', 'The records do not continue the chain that is stored here.');
}
