/**
 * Tickets: the authority's word that the executor may open one envelope without a dispatch, once and within a minute (§3). It
 * buys no call: what comes back for one is a bit, or a code and a sentence.
 */
import { DAuthError, exactObject, integer, LIMITS, parseHandle, parseThumbprint, seconds, text } from '@dauth/protocol';
import type { ConnectionHandle } from '@dauth/protocol';
import { verifyJws, type JwksCache, type ReplayStore } from '@dauth/verify';

export interface TicketDeps {
  readonly issuer: string;
  readonly resource: string;
  readonly jwks: Pick<JwksCache, 'resolveFor'>;
  readonly replay: ReplayStore;
  /** Unix seconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}

export interface Ticket {
  readonly handle: ConnectionHandle;
  readonly ver: number;
  /** Of the envelope. */
  readonly sha256: string;
}

/** Longest life of a ticket in seconds (§3). */
const TICKET_SECONDS = 60;
export const MAX_TICKET = 4_096;
const PER_SECOND = 20;

/**
 * Reads tickets of one type, at most twenty a second.
 * @returns what reads one; `sha256` is of the envelope that came beside it, if one did
 */
export function makeTickets(typ: string, deps: TicketDeps): (jws: string, sha256?: string) => Promise<Ticket> {
  let windowStart = -Infinity;
  let inWindow = 0;
  // Counted once the ticket is known to be the authority's: nobody else can use up what it may ask for.
  const count = (): void => {
    const now = deps.monotonic();
    if (now - windowStart >= 1_000) [windowStart, inWindow] = [now, 0];
    if (inWindow >= PER_SECOND) throw new DAuthError('RATE_LIMITED');
    inWindow++;
  };
  return (jws, sha256) => admit(jws, { typ, sha256 }, count, deps);
}

/** @throws DAuthError `UNAUTHENTICATED`, `REPLAY_DETECTED`, `RATE_LIMITED`, `ENCLAVE_UNAVAILABLE` */
async function admit(
  jws: string,
  of: { readonly typ: string; readonly sha256: string | undefined },
  count: () => void,
  deps: TicketDeps,
): Promise<Ticket> {
  const keys = await deps.jwks.resolveFor(jws, MAX_TICKET);
  const { claims } = verifyJws(jws, { typ: of.typ, keys, maxLength: MAX_TICKET, what: 'The ticket' });
  const said = exactObject(claims, 'A ticket', ['iss', 'aud', 'jti', 'handle', 'ver', 'sha256', 'exp'], ['iat']);
  const exp = seconds(said.exp, '"exp"');
  const isForUs = said.iss === deps.issuer && said.aud === deps.resource;
  const isNow = exp > deps.now() && exp <= deps.now() + TICKET_SECONDS + LIMITS.clockLeewaySeconds;
  const sha256 = parseThumbprint(said.sha256, '"sha256"');
  if (!isForUs || !isNow || (of.sha256 !== undefined && sha256 !== of.sha256)) {
    throw new DAuthError('UNAUTHENTICATED', 'The ticket is for another executor, envelope or time.');
  }
  count();
  const used = await deps.replay.consume(`${of.typ}.${text(said.jti, '"jti"', 128)}`, exp);
  if (!used) throw new DAuthError('REPLAY_DETECTED');
  return { handle: parseHandle(said.handle), ver: integer(said.ver, '"ver"', 1, 2 ** 31), sha256 };
}
