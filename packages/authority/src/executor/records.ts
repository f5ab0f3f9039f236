/**
 * Collects the executor's journal (spec/dauth.md §6): records continue the stored chain, a signed checkpoint closes them.
 * Never takes a record out of order, twice with other octets, or without a checkpoint by the pinned identity.
 */
import { DAuthError, exactObject, integer, isObject, LIMITS, list, parseJson, text, TYP } from '@dauth/protocol';
import { sha256Base64url, verifyEmbeddedJws } from '@dauth/verify';
import type { Authority } from '../context.ts';

const MAX_RECORDS = 1_000;
const MAX_LINE = 8_192;

/** @throws DAuthError `INVALID_REQUEST`, `CONFLICT` (the chain does not continue), `UNAUTHENTICATED` (the checkpoint) */
export function collectRecords(authority: Authority, value: unknown): void {
  const { store } = authority;
  const body = exactObject(value, 'Journal records', ['records', 'checkpoint']);
  const lines = list(body.records, '"records"', 0, MAX_RECORDS, (item) => text(item, 'A record', MAX_LINE));
  const checkpoint = text(body.checkpoint, '"checkpoint"', LIMITS.proof);
  const end = readCheckpoint(authority, checkpoint);
  store.transaction(() => {
    let last = store.audit.last();
    for (const line of lines) {
      const record = parseJson(line, MAX_LINE);
      if (!isObject(record)) throw new DAuthError('INVALID_REQUEST', 'A record is not a JSON object.');
      const seq = integer(record.seq, '"seq"', 1, Number.MAX_SAFE_INTEGER);
      const hash = sha256Base64url(line);
      if (last !== undefined && seq <= last.seq) {
        // Sent again because our answer was lost; the octets must be the ones we have.
        if (store.audit.at(seq)?.hash !== hash) throw broken();
        continue;
      }
      if (seq !== (last?.seq ?? 0) + 1 || record.prev !== (last?.hash ?? '')) throw broken();
      last = { seq, line, hash };
      store.audit.append(last);
      if (record.kind === 'intent' && typeof record.handle === 'string' && typeof record.time === 'number') {
        store.connections.touch(record.handle, Math.floor(record.time / 1_000));
      }
    }
    if (store.audit.at(end.seq)?.hash !== end.hash && end.seq !== 0) throw broken();
    store.audit.addCheckpoint(end.seq, checkpoint);
  });
}

function readCheckpoint(authority: Authority, compact: string): { seq: number; hash: string } {
  const { claims, jkt } = verifyEmbeddedJws(compact, { typ: TYP.checkpoint, maxLength: LIMITS.proof });
  const { iss, seq, hash } = exactObject(claims, 'A checkpoint', ['iss', 'seq', 'hash', 'iat']);
  const { identity } = authority.config.executor;
  if (jkt !== identity || iss !== identity) throw new DAuthError('UNAUTHENTICATED', 'The checkpoint is not by the pinned executor.');
  return { seq: integer(seq, '"seq"', 0, Number.MAX_SAFE_INTEGER), hash: typeof hash === 'string' ? hash : '' };
}

function broken(): DAuthError {
  return new DAuthError('CONFLICT', 'The records do not continue the chain that is stored here.');
}
