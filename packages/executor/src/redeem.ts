/**
 * `POST /redeem`: a code lives for a minute, so its owner has it redeemed as soon as it is stored (§2.6), for a ticket that
 * the authority signed for exactly this version. The steps are those of a dispatch, without a call behind the exchange.
 * Never an answer of the endpoint, and never a second time.
 */
import {
  asDAuthError,
  DAuthError,
  deniesOrigin,
  endpointParts,
  exactObject,
  text,
  tokenSchemeOf,
  TYP,
  type OAuth2,
  type OperatorRules,
} from '@dauth/protocol';
import type { Journal } from './journal/journal.ts';
import type { OpeningKey, openEnvelope } from './open.ts';
import type { Refreshes } from './refresh/refreshes.ts';
import { lookAtGrant } from './secret/grant.ts';
import { makeTickets, MAX_TICKET, type TicketDeps } from './ticket.ts';
import { permitOwner, type AuthorizeDeps, type Permit } from './who/authorize.ts';
import type { Seen } from './who/seen.ts';
import { assertKeysTaken } from './wire/token-call.ts';
import type { Upstream } from './wire/upstream.ts';

export interface RedeemDeps extends Omit<AuthorizeDeps, keyof TicketDeps>, TicketDeps {
  readonly jwks: AuthorizeDeps['jwks'];
  readonly seen: AuthorizeDeps['seen'] & Pick<Seen, 'admit'>;
  readonly journal: Pick<Journal, 'note'>;
  readonly open: typeof openEnvelope;
  readonly openingKeys: ReadonlyMap<string, OpeningKey>;
  readonly refreshes: Pick<Refreshes, 'take'>;
  readonly upstream: Pick<Upstream, 'check' | 'isFreedOverwritten'>;
  readonly rules: OperatorRules;
}

/** A connection whose code may be there, and where that is redeemed. */
interface Redeemable {
  readonly permitted: Omit<Permit, 'caller'>;
  readonly scheme: OAuth2;
  readonly key: OpeningKey;
}

/** Redeems codes; settles once what came is sealed and stored, and where it was before. Throws what its owner is to be told. */
export function makeRedeem(deps: RedeemDeps): (body: unknown) => Promise<void> {
  const admit = makeTickets(TYP.redeemTicket, deps);
  return async (body) => {
    // 1, 2 · size, shape, and whose word it is
    const { ticket: jws } = exactObject(body, 'A redemption', ['ticket']);
    const ticket = await admit(text(jws, '"ticket"', MAX_TICKET));
    // 3 · may it
    const permitted = await permitOwner(ticket.handle, ticket.ver, deps);
    const { use, policy, envelope } = permitted;
    if (use.ver !== ticket.ver || use.digest !== ticket.sha256)
      throw new DAuthError('CONFLICT', 'The connection was changed meanwhile. Look at it, and try again.');
    const scheme = tokenSchemeOf(policy.inject);
    if (scheme?.scheme !== 'oauth2' || scheme.redirect_uri === undefined)
      throw new DAuthError('INVALID_REQUEST', 'The connection was not sealed with a code: there is nothing to redeem.');
    const key = deps.openingKeys.get(envelope.header.kid);
    if (key === undefined) throw new DAuthError('DECRYPTION_FAILED');
    // 5 to 10
    const { handle } = ticket;
    const to = endpointParts(scheme.endpoint);
    await deps.journal.note('redeem', { handle, ver: use.ver, token_endpoint: to.origin + to.path });
    let code = 'ok';
    try {
      await redeem({ permitted, scheme, key }, deps);
    } catch (error) {
      ({ code } = asDAuthError(error));
      throw error;
    } finally {
      await deps.journal.note('redeemed', { handle, ver: use.ver, code });
    }
  };
}

async function redeem({ permitted, scheme, key }: Redeemable, deps: RedeemDeps): Promise<void> {
  const { handle, envelope, use, base, policy, standing } = permitted;
  // 4 · where to, by name and by address
  const { origin } = endpointParts(scheme.endpoint);
  if (deniesOrigin(deps.rules, origin))
    throw new DAuthError('POLICY_DENIED', 'The operator of this executor does not allow this destination.');
  assertKeysTaken(scheme, deps.upstream);
  const address = await deps.upstream.check(origin);
  const stillStands = (): void => {
    deps.status.assertFresh();
    deps.status.view.assertStands(standing);
  };
  stillStands();
  // 6 · open: who sealed it counts from here on
  await deps.seen.admit(handle, use, () => deps.open(envelope, key)[Symbol.dispose]());
  if (!isCode(permitted, scheme, key, deps)) return;
  const ask = { injections: policy.inject, scheme, address, key, beforeSend: stillStands };
  await deps.refreshes.take({ ...ask, sealed: { envelope, use, base } });
}

/** What was redeemed before is what its owner wanted. */
function isCode(
  { envelope }: Pick<Permit, 'envelope'>,
  scheme: OAuth2,
  key: OpeningKey,
  { open }: Pick<RedeemDeps, 'open'>,
): boolean {
  using plaintext = open(envelope, key);
  return lookAtGrant(plaintext, scheme).kind === 'code';
}
