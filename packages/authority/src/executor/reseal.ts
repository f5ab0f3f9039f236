/**
 * What the executor does with a connection whose refresh token it exchanges (spec/dauth.md §6): a lease before, the new version
 * after, or the word that its owner has to authorize again.
 * Never a version that says another policy than the one it was made out of, and never one that its owner has replaced.
 */
import {
  assertResealed,
  DAuthError,
  decodeUtf8,
  exactObject,
  integer,
  LIMITS,
  parseEnvelope,
  parseHandle,
  parseJson,
  parseResource,
  text,
  type ConnectionHandle,
  type JsonObject,
} from '@dauth/protocol';
import { sha256Base64url, verifyReseal } from '@dauth/verify';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import { assertType, type HttpContext, type HttpEnv } from '../http.ts';
import type { Connection, StoredEnvelope } from '../store/connections.ts';
import { readExecutorBody } from './authenticate.ts';

/** Octets of an envelope and a statement about it, with what is around them. */
const MAX_RESEAL = LIMITS.envelope + LIMITS.proof + 256;
const MAX_WORD = 1_024;

interface Asked {
  readonly handle: ConnectionHandle;
  readonly body: JsonObject;
}

export function resealApi(app: Hono<HttpEnv>, authority: Authority): void {
  const { store, now } = authority;

  app.post('/executor/leases/:handle', async (c) => {
    const { handle, body } = await read(authority, c, MAX_WORD, ['ver', 'holder'], ['once']);
    const [ver, holder] = [readVer(body), parseResource(body.holder)];
    if (body.once !== undefined && body.once !== true)
      throw new DAuthError('INVALID_REQUEST', '"once" is true, or not there.');
    const taken = store.transaction(() =>
      body.once === true ? store.leases.takeOnce(handle, ver, holder) : store.leases.take(handle, ver, holder),
    );
    if (taken === 'spent') throw new DAuthError('NEEDS_REAUTHORIZATION');
    if (taken !== true && taken !== 'given')
      throw new DAuthError('CONFLICT', 'The connection is at another version, or is being refreshed by another.');
    return c.json({ expires_in: LIMITS.leaseSeconds });
  });

  app.post('/executor/envelopes/:handle', async (c) => {
    const { handle, body } = await read(authority, c, MAX_RESEAL, ['envelope', 'reseal']);
    const { keys } = await authority.directory.directory();
    const envelope = text(body.envelope, '"envelope"', LIMITS.envelope);
    const statement = text(body.reseal, '"reseal"', LIMITS.proof);
    const { ver } = store.transaction(() => {
      const { row, current } = findLive(authority, handle);
      // Sent again because the answer was lost.
      if (current.envelope === envelope) return row;
      const next = checkReseal(authority, current, envelope, statement);
      const { kid, alg } = parseEnvelope(envelope).header;
      if (!keys.some((key) => key.kid === kid && key.alg === alg))
        throw new DAuthError('INVALID_REQUEST', 'The envelope is sealed to a key that the executor does not have now.');
      if (!store.connections.reseal(next, now())) throw new DAuthError('CONFLICT');
      return next;
    });
    return c.json({ ver, revision: store.changes.revision() });
  });

  app.post('/executor/reauthorizations/:handle', async (c) => {
    const { handle, body } = await read(authority, c, MAX_WORD, ['ver']);
    store.transaction(() => {
      const { row } = findLive(authority, handle);
      // The version is the fence: what was said of one that is replaced says nothing about the new one.
      if (row.ver !== readVer(body)) throw new DAuthError('CONFLICT');
      if (row.status !== 'active') return;
      store.connections.setStatus(handle, 'needs_reauthorization', row.ver, now());
      const action = 'connection.needs_reauthorization';
      store.audit.note({ time: now(), actor: 'executor', asOperator: false, action, subject: handle });
    });
    return c.body(null, 204);
  });
}

/** @throws DAuthError `CONFLICT` where another version is the current one, `INVALID_REQUEST` */
function checkReseal(
  { config }: Authority,
  current: StoredEnvelope,
  envelope: string,
  statement: string,
): StoredEnvelope {
  const ver = current.ver + 1;
  const next = parseEnvelope(envelope);
  if (next.header.dauth.ver !== ver) throw new DAuthError('CONFLICT', 'A reseal is the version after the current one.');
  const { identity } = config.executor;
  const options = { identity, refusal: 'INVALID_REQUEST' } as const;
  const said = verifyReseal(statement, { handle: current.handle, ver, envelope, ...options });
  const base = current.reseal === null ? said.from : verifyReseal(current.reseal, { ...current, ...options }).base;
  if (said.from.sha256 !== sha256Base64url(current.envelope))
    throw new DAuthError('CONFLICT', 'The reseal was made out of another version than the current one.');
  if (said.base.ver !== base.ver || said.base.sha256 !== base.sha256)
    throw new DAuthError('INVALID_REQUEST', 'The reseal names another version as the one that its owner sealed.');
  assertResealed(parseEnvelope(current.envelope), next);
  return { ...current, ver, envelope, reseal: statement };
}

function findLive({ store }: Authority, handle: ConnectionHandle): { row: Connection; current: StoredEnvelope } {
  const row = store.connections.find(handle);
  if (row === undefined || row.deleted_at !== null) throw new DAuthError('CONNECTION_NOT_FOUND');
  if (row.status === 'revoked') throw new DAuthError('CONNECTION_REVOKED');
  return { row, current: store.connections.envelope(handle, row.ver)! };
}

async function read(
  authority: Authority,
  c: HttpContext,
  maxOctets: number,
  members: readonly string[],
  optional: readonly string[] = [],
): Promise<Asked> {
  assertType(c, 'application/json');
  const body = await readExecutorBody(authority, c, maxOctets);
  const said = exactObject(parseJson(decodeUtf8(body), maxOctets), 'The request', members, optional);
  return { handle: parseHandle(c.req.param('handle')), body: said };
}

function readVer({ ver }: JsonObject): number {
  return integer(ver, '"ver"', 1, 2 ** 31);
}
