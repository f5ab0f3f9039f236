/**
 * `POST /try`: whether an envelope can be opened here and has the fields its slots name. One bit, for a ticket that the
 * authority signed for exactly this envelope. Never which failure it was: same path, same time for each (§3).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DAuthError,
  exactObject,
  injectedFields,
  integer,
  LIMITS,
  parseEnvelope,
  parseHandle,
  parseThumbprint,
  seconds,
  text,
  TYP,
  type ConnectionHandle,
} from '@dauth/protocol';
import { sha256Base64url, verifyJws, type JwksCache, type ReplayStore } from '@dauth/verify';
import { readFields } from './secret/fields.ts';
import type { Journal } from './journal/journal.ts';
import type { OpeningKey, openEnvelope } from './open.ts';

export interface TryDeps {
  readonly issuer: string;
  readonly resource: string;
  readonly jwks: Pick<JwksCache, 'resolveFor'>;
  readonly replay: ReplayStore;
  readonly journal: Pick<Journal, 'note'>;
  readonly open: typeof openEnvelope;
  readonly openingKeys: ReadonlyMap<string, OpeningKey>;
  /** Unix seconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}

interface Ticket {
  readonly handle: ConnectionHandle;
  readonly ver: number;
}

/** Longest life of a ticket in seconds (§3). */
const TICKET_SECONDS = 60;
/** Each answer takes this long: well over what opening takes. */
const ANSWER_MS = 50;
const PER_SECOND = 20;
const MAX_TICKET = 4_096;

/** Tries envelopes, at most twenty a second. */
export function makeTry(deps: TryDeps): (body: unknown) => Promise<boolean> {
  let windowStart = -Infinity;
  let inWindow = 0;
  // Counted once the ticket is known to be the authority's: nobody else can use up what it may try.
  const count = (): void => {
    const now = deps.monotonic();
    if (now - windowStart >= 1_000) [windowStart, inWindow] = [now, 0];
    if (inWindow >= PER_SECOND) throw new DAuthError('RATE_LIMITED');
    inWindow++;
  };
  return async (body) => {
    const call = exactObject(body, 'A try', ['envelope', 'ticket']);
    const envelope = text(call.envelope, '"envelope"', LIMITS.envelope);
    const ticket = await admit(text(call.ticket, '"ticket"', MAX_TICKET), envelope, count, deps);
    const [ok] = await Promise.all([opens(envelope, ticket, deps), sleep(ANSWER_MS)]);
    return ok;
  };
}

/** @throws DAuthError `UNAUTHENTICATED`, `REPLAY_DETECTED`, `RATE_LIMITED`, `ENCLAVE_UNAVAILABLE` */
async function admit(jws: string, envelope: string, count: () => void, deps: TryDeps): Promise<Ticket> {
  const keys = await deps.jwks.resolveFor(jws, MAX_TICKET);
  const { claims } = verifyJws(jws, { typ: TYP.tryTicket, keys, maxLength: MAX_TICKET, what: 'The ticket' });
  const said = exactObject(claims, 'A ticket', ['iss', 'aud', 'jti', 'handle', 'ver', 'sha256', 'exp'], ['iat']);
  const exp = seconds(said.exp, '"exp"');
  const isForUs = said.iss === deps.issuer && said.aud === deps.resource;
  const isNow = exp > deps.now() && exp <= deps.now() + TICKET_SECONDS + LIMITS.clockLeewaySeconds;
  if (!isForUs || !isNow || parseThumbprint(said.sha256, '"sha256"') !== sha256Base64url(envelope)) {
    throw new DAuthError('UNAUTHENTICATED', 'The ticket is for another executor, envelope or time.');
  }
  count();
  const used = await deps.replay.consume(`try.${text(said.jti, '"jti"', 128)}`, exp);
  if (!used) throw new DAuthError('REPLAY_DETECTED');
  return { handle: parseHandle(said.handle), ver: integer(said.ver, '"ver"', 1, 2 ** 31) };
}

async function opens(compact: string, ticket: Ticket, deps: TryDeps): Promise<boolean> {
  let ok = false;
  try {
    const envelope = parseEnvelope(compact);
    const { kid, dauth: policy } = envelope.header;
    const key = deps.openingKeys.get(kid);
    const fits = policy.iss === deps.issuer && policy.handle === ticket.handle && policy.ver === ticket.ver;
    if (key !== undefined && fits) {
      // The record first: nothing is opened without one.
      await deps.journal.note('try', { handle: ticket.handle, ver: ticket.ver });
      using plaintext = deps.open(envelope, key);
      plaintext.lend((bytes) => readFields(bytes, injectedFields(policy.inject)));
      ok = true;
    }
  } catch (error) {
    if (error instanceof DAuthError && error.code === 'AUDIT_UNAVAILABLE') throw error;
  }
  await deps.journal.note('tried', { handle: ticket.handle, ver: ticket.ver, ok });
  return ok;
}
