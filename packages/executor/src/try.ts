/**
 * `POST /try`: whether an envelope can be opened here and has the fields its slots name. One bit, for a ticket that the
 * authority signed for exactly this envelope. Never which failure it was: same path, same time for each (§3).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DAuthError, exactObject, injectedFields, LIMITS, parseEnvelope, text, TYP } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import { readFields } from './secret/fields.ts';
import type { Journal } from './journal/journal.ts';
import type { OpeningKey, openEnvelope } from './open.ts';
import { makeTickets, MAX_TICKET, type Ticket, type TicketDeps } from './ticket.ts';

export interface TryDeps extends TicketDeps {
  readonly journal: Pick<Journal, 'note'>;
  readonly open: typeof openEnvelope;
  readonly openingKeys: ReadonlyMap<string, OpeningKey>;
}

/** Each answer takes this long: well over what opening takes. */
const ANSWER_MS = 50;

/** Tries envelopes, at most twenty a second. */
export function makeTry(deps: TryDeps): (body: unknown) => Promise<boolean> {
  const admit = makeTickets(TYP.tryTicket, deps);
  return async (body) => {
    const call = exactObject(body, 'A try', ['envelope', 'ticket']);
    const envelope = text(call.envelope, '"envelope"', LIMITS.envelope);
    const ticket = await admit(text(call.ticket, '"ticket"', MAX_TICKET), sha256Base64url(envelope));
    const [ok] = await Promise.all([opens(envelope, ticket, deps), sleep(ANSWER_MS)]);
    return ok;
  };
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
