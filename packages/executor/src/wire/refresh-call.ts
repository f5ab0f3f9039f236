/**
 * One exchange of a refresh token, or of the code that brings the first one (§2.6, §6): the request, and what its answer holds, sealed in the tick in which it came.
 * Never a token in the open, and never what the endpoint said: callers hear a code and a sentence of ours.
 */
import { DAuthError, parseEnvelope, refreshField, pinsFor, type Envelope, type OAuth2 } from '@dauth/protocol';
import type { OpeningKey, openEnvelope } from '../open.ts';
import type { resealEnvelope } from '../reseal.ts';
import { readFields } from '../secret/fields.ts';
import { accessValue, readGrant } from '../secret/grant.ts';
import { whyUnfindable } from '../secret/inject.ts';
import { keepToken, type KeptToken } from '../secret/kept-token.ts';
import { areSame, wipe } from '../secret/memory.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import type { SignedAssertion } from '../secret/token-assertion.ts';
import { isInvalidGrant, readRefreshAnswer, type RefreshAnswer } from '../secret/token-answer.ts';
import { exchange, unusable, type Asker, type TokenAsk } from './token-call.ts';

/** What opens, and what seals again. */
export interface Sealing {
  readonly open: typeof openEnvelope;
  readonly reseal: typeof resealEnvelope;
}

/** An exchange of what `envelope` holds. Its caller cannot end it once it is sent: what it brings is kept for all. */
export type RefreshExchange = Pick<TokenAsk, 'address' | 'injections' | 'beforeSend' | 'connection'> & {
  readonly scheme: OAuth2;
  readonly envelope: Envelope;
  readonly key: OpeningKey;
  /** Where its client proves itself by one. */
  readonly assertion: SignedAssertion | undefined;
};

export interface Refreshed {
  /** Kept under `envelope`, or where that is null under the one that was exchanged. */
  readonly token: KeptToken;
  readonly expiresIn: number | null;
  /** The version after, compact, where the endpoint gave another refresh token, or an access token for a code. */
  readonly envelope: string | null;
}

/** @throws DAuthError `NEEDS_REAUTHORIZATION` where the grant is gone, `DOWNSTREAM_*`, and whatever opening and `beforeSend` throw */
export function askForRefresh(
  asker: Pick<Asker, 'upstream' | 'assertions' | 'now'>,
  ask: RefreshExchange,
  sealing: Sealing,
): Promise<Refreshed> {
  const { envelope, key, ...rest } = ask;
  const pins = pinsFor(envelope.header.dauth, rest.address.origin);
  const asked = { ...rest, pins, open: () => sealing.open(envelope, key), isSteadfast: true };
  return exchange(asker, asked, (octets) => sealed(octets, ask, sealing, asker.now), isInvalidGrant);
}

/** Both tokens, sealed: the access token under what came out of opening the envelope that has the refresh token. */
function sealed(
  octets: Buffer,
  { scheme, envelope, key }: RefreshExchange,
  { open, reseal }: Sealing,
  now: number,
): Refreshed {
  const said = readRefreshAnswer(octets);
  if (said === null) throw unusable();
  const { token, refresh, expiresIn } = said;
  let value: Buffer | null = null;
  try {
    if (whyUnfindable(token) !== null) throw unusable();
    if (refresh !== null && whyUnfindable(refresh) !== null) throw unkeepable();
    using plaintext = open(envelope, key);
    value = nextValue(said, scheme, plaintext, now);
    if (value === null) return { token: keepToken(token, plaintext), expiresIn, envelope: null };
    const next = reseal(plaintext, envelope.header, key, { field: refreshField(scheme), value });
    using reopened = open(parseEnvelope(next), key);
    return { token: keepToken(token, reopened), expiresIn, envelope: next };
  } finally {
    wipe(token, refresh, value);
  }
}

/** What the field holds from now on, in memory which the caller zeroes; null where that is what it holds. */
function nextValue(
  { token, refresh, expiresIn }: RefreshAnswer,
  scheme: OAuth2,
  plaintext: Plaintext,
  now: number,
): Buffer | null {
  return plaintext.lend((bytes) => {
    const grant = readGrant(scheme, readFields(bytes, new Set([refreshField(scheme)])));
    // A code is worth nothing any more, whatever came for it.
    if (grant.kind === 'code') return refresh ?? accessValue(token, expiresIn === null ? null : now + expiresIn);
    return refresh === null || (grant.kind === 'refresh' && areSame(grant.token, refresh)) ? null : refresh;
  });
}

/** The one before is used up by now: that it comes again would be no surprise, and is said. */
function unkeepable(): DAuthError {
  return new DAuthError(
    'DOWNSTREAM_AUTH_FAILURE',
    'The token endpoint gave a next refresh token that answers could not be searched for (§2.2: 8 to 4096 octets, no pattern that repeats), so it was dropped. Its owner has to authorize again, and to seal another kind of credential where that comes again.',
  );
}
