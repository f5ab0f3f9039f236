/**
 * One exchange of a refresh token (§2.6, §6): the request, and what its answer holds, sealed in the tick in which it came.
 * Never a token in the open, and never what the endpoint said: callers hear a code and a sentence of ours.
 */
import { parseEnvelope, refreshField, pinsFor, type Envelope, type OAuth2 } from '@dauth/protocol';
import type { OpeningKey, openEnvelope } from '../open.ts';
import type { resealEnvelope } from '../reseal.ts';
import { readFields } from '../secret/fields.ts';
import { whyUnfindable } from '../secret/inject.ts';
import { keepToken, type KeptToken } from '../secret/kept-token.ts';
import { wipe } from '../secret/memory.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import { isInvalidGrant, readRefreshAnswer, type RefreshAnswer } from '../secret/token-answer.ts';
import { exchange, unusable, type TokenAsk } from './token-call.ts';
import type { Upstream } from './upstream.ts';

/** What opens, and what seals again. */
export interface Sealing {
  readonly open: typeof openEnvelope;
  readonly reseal: typeof resealEnvelope;
}

/** An exchange of the refresh token in `envelope`. Its caller cannot end it once it is sent: what it brings is kept for all. */
export type RefreshExchange = Pick<TokenAsk, 'address' | 'injections' | 'beforeSend' | 'connection'> & {
  readonly scheme: OAuth2;
  readonly envelope: Envelope;
  readonly key: OpeningKey;
};

export interface Refreshed {
  /** Kept under `envelope`, or where that is null under the one that was exchanged. */
  readonly token: KeptToken;
  readonly expiresIn: number | null;
  /** The version after, compact, where the endpoint gave another refresh token. */
  readonly envelope: string | null;
}

/**
 * @param now Unix seconds
 * @throws DAuthError `NEEDS_REAUTHORIZATION` where the grant is gone, `DOWNSTREAM_*`, and whatever opening and `beforeSend` throw
 */
export function askForRefresh(
  upstream: Pick<Upstream, 'call'>,
  ask: RefreshExchange,
  sealing: Sealing,
  now: number,
): Promise<Refreshed> {
  const { envelope, key, ...rest } = ask;
  const pins = pinsFor(envelope.header.dauth, rest.address.origin);
  const asked = { ...rest, pins, open: () => sealing.open(envelope, key), isSteadfast: true };
  return exchange(upstream, asked, now, (octets) => sealed(octets, ask, sealing), isInvalidGrant);
}

/** Both tokens, sealed: the access token under what came out of opening the envelope that has the refresh token. */
function sealed(octets: Buffer, { scheme, envelope, key }: RefreshExchange, { open, reseal }: Sealing): Refreshed {
  const said = readRefreshAnswer(octets);
  if (said === null) throw unusable();
  const { token, refresh, expiresIn } = said;
  try {
    if (whyUnfindable(token) !== null || (refresh !== null && whyUnfindable(refresh) !== null)) throw unusable();
    using plaintext = open(envelope, key);
    const field = refreshField(scheme);
    if (!isRotated(said, field, plaintext)) return { token: keepToken(token, plaintext), expiresIn, envelope: null };
    const next = reseal(plaintext, envelope.header, key, { field, value: refresh! });
    using reopened = open(parseEnvelope(next), key);
    return { token: keepToken(token, reopened), expiresIn, envelope: next };
  } finally {
    wipe(token, refresh);
  }
}

function isRotated({ refresh }: RefreshAnswer, field: string, plaintext: Plaintext): boolean {
  if (refresh === null) return false;
  return plaintext.lend(
    (bytes) =>
      !readFields(bytes, new Set([field]))
        .get(field)!
        .equals(refresh),
  );
}
