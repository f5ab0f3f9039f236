/**
 * One exchange of a credential for a token (§2.6): the request to the token endpoint, and what its answer is worth.
 * Never passes on what the endpoint said: its answer holds a credential, so callers hear a code and a sentence of ours.
 */
import type { Readable } from 'node:stream';
import { DAuthError, endpointParts, LIMITS, type ErrorCode, type Method, type TokenScheme } from '@dauth/protocol';
import { whyUnfindable } from '../secret/inject.ts';
import { keepToken, type KeptToken } from '../secret/kept-token.ts';
import { wipe } from '../secret/memory.ts';
import { readTokenAnswer, type TokenAnswer } from '../secret/token-answer.ts';
import { fillTokenRequest } from '../secret/token-request.ts';
import { ByteWriter } from '../secret/writer.ts';
import type { UpstreamRequest } from './call.ts';
import type { Upstream } from './upstream.ts';

/** An exchange that passed steps 1 to 5 of a dispatch. `address` is what `Upstream.check` answered for the endpoint's origin. */
export type TokenAsk = Pick<
  UpstreamRequest,
  'connection' | 'address' | 'pins' | 'injections' | 'open' | 'beforeSend' | 'timeoutMs' | 'signal'
> & { readonly scheme: TokenScheme };

export interface ObtainedToken {
  readonly token: KeptToken;
  /** As the endpoint said; null where it did not say it plainly. */
  readonly expiresIn: number | null;
}

/** Milliseconds: a dispatch waits for it before its own request goes out. */
const TOTAL_MS = 20_000;

/**
 * @param now Unix seconds
 * @throws DAuthError `DOWNSTREAM_*`, and whatever `open` and `beforeSend` throw
 */
export function askForToken(upstream: Pick<Upstream, 'call'>, ask: TokenAsk, now: number): Promise<ObtainedToken> {
  return exchange(upstream, ask, now, (octets) => {
    const said = readTokenAnswer(octets);
    if (said === null) throw unusable();
    return keep(said, ask);
  });
}

/**
 * One request to a token endpoint.
 * @param read takes what an answer of 200 holds, in the tick in which the last of it came; its octets are zeroed behind it
 * @param isGone says of what another answer holds whether the grant is gone
 * @throws as `askForToken`, and `NEEDS_REAUTHORIZATION`
 */
export async function exchange<T>(
  upstream: Pick<Upstream, 'call'>,
  ask: TokenAsk & Pick<UpstreamRequest, 'isSteadfast'>,
  now: number,
  read: (octets: Buffer) => T,
  isGone: (octets: Buffer) => boolean = () => false,
): Promise<T> {
  const { scheme, injections, timeoutMs = TOTAL_MS, ...request } = ask;
  const answer = await upstream.call({
    ...request,
    method: 'POST' as Method,
    target: endpointParts(scheme.endpoint).target,
    headers: [],
    body: null,
    injections: [],
    asks: (plaintext) => fillTokenRequest(plaintext, injections, scheme, now),
    timeoutMs: Math.min(timeoutMs, TOTAL_MS),
    maxResponseBytes: LIMITS.tokenAnswer,
  });
  const octets = await readWhole(answer.body);
  try {
    if ([400, 401].includes(answer.status) && isGone(octets)) throw new DAuthError('NEEDS_REAUTHORIZATION');
    if (answer.status !== 200) throw refusal(answer.status);
    return read(octets);
  } finally {
    wipe(octets);
  }
}

/** Sealed in the tick in which it was read, by one more opening. */
function keep({ token, expiresIn }: TokenAnswer, ask: TokenAsk): ObtainedToken {
  try {
    if (whyUnfindable(token) !== null) throw unusable();
    using plaintext = ask.open();
    return { token: keepToken(token, plaintext), expiresIn };
  } finally {
    wipe(token);
  }
}

/** Owned memory; each piece is zeroed as it comes. Bounded by the call. */
function readWhole(body: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const whole = new ByteWriter();
    body.on('data', (piece: Buffer) => {
      whole.bytes(piece);
      wipe(piece);
    });
    body.once('end', () => resolve(whole.take()));
    body.once('close', () => whole[Symbol.dispose]());
    body.once('error', reject);
  });
}

const REFUSALS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  408: ['DOWNSTREAM_TIMEOUT', 'The token endpoint did not answer in time.'],
  429: ['DOWNSTREAM_RATE_LIMITED', 'The token endpoint limits the rate of requests. Try again later.'],
};

/** RFC 6749 §5.2: a refusal is a 400 or a 401. Redirects are never followed, so one is no token. */
function refusal(status: number): DAuthError {
  const known = REFUSALS[status];
  if (known !== undefined) return new DAuthError(...known);
  if (status >= 500) return new DAuthError('DOWNSTREAM_UNREACHABLE', 'The token endpoint failed. Try again shortly.');
  if (status < 400) return unusable();
  return new DAuthError(
    'DOWNSTREAM_AUTH_FAILURE',
    'The token endpoint refused the credential, or what is asked for with it. Its owner has to seal a working one.',
  );
}

export function unusable(): DAuthError {
  return new DAuthError(
    'DOWNSTREAM_AUTH_FAILURE',
    'The token endpoint did not answer with a bearer token that can be used. Its owner has to check the sealed endpoint.',
  );
}
