/**
 * A person's sign-in on a device without a browser (RFC 8628): asks for codes, shows them, and asks until the person answered
 * elsewhere. Never shows the device code, never leads a person to another site than the authority's, and never asks faster
 * than it was told.
 */
import { DAuthError } from '@dauth/protocol';
import * as oauth from 'oauth4webapi';
import { RemoteError } from './http.ts';
import { Issuer } from './issuer.ts';
import { signProof, type ClientKey } from './key.ts';
import { answerOf, asAnswerError, toSignIn, type SignIn } from './sign-in.ts';

/** What a person is shown. */
export interface DeviceCode {
  readonly userCode: string;
  readonly verificationUri: string;
  /** The same with the code filled in, where the authority gives one. */
  readonly verificationUriComplete: string | undefined;
  /** Seconds. */
  readonly expiresIn: number;
}

export interface DeviceOptions {
  readonly issuer: string;
  /** A public client that is registered for the device flow and for refresh tokens. */
  readonly clientId: string;
  /** What everything that comes of the sign-in is bound to. */
  readonly key: ClientKey;
  /** RFC 8707 resource URI. Default: the authority itself. */
  readonly resource?: string;
  readonly scope?: readonly string[];
  /** Shows the codes to the person. */
  readonly show: (code: DeviceCode) => void;
  /** Called where the authority did not answer and is asked again later. */
  readonly isUnreachable?: () => void;
  /** Lets time pass; rejects where `signal` ends it. In Node: `(ms, signal) => setTimeout(ms, undefined, { signal })`. */
  readonly wait: (milliseconds: number, signal: AbortSignal | undefined) => Promise<unknown>;
  readonly signal?: AbortSignal;
  readonly fetch?: typeof fetch;
}

/** RFC 8628 §3.2, §3.5: to begin with, and what `slow_down` adds. Seconds. */
const [INTERVAL, SLOWER] = [5, 5];
/** Whatever an authority says: it is asked once a second at most, and for a day at most. */
const [SHORTEST, LONGEST_LIFE] = [1, 86_400];
/** Between two questions while nobody answers at all, unless the authority wants more. */
const MOST_PATIENT = 60;
const MAX_CODE = 2_048;
const USER_CODE = /^[\x21-\x7e]{1,64}$/;

/**
 * Signs a person in.
 *
 * @example
 * const { refreshToken } = await signInByDevice({ issuer, clientId, key, show: ({ userCode }) => print(userCode), wait });
 * @throws RemoteError with `oauthError`: `access_denied`, or what the authority refused; DAuthError `UNAUTHENTICATED` where
 *   nobody answered in time, `POLICY_DENIED` for an address that is not the authority's; the reason of `signal`
 */
export async function signInByDevice(options: DeviceOptions): Promise<SignIn> {
  options.signal?.throwIfAborted();
  const issuer = new Issuer(options.issuer, options.fetch ?? globalThis.fetch);
  const { deviceCode, interval, ...code } = await askForCodes(issuer, options);
  await issuer.discover('token_endpoint');
  options.show(code);
  return poll(issuer, options, deviceCode, Math.max(SHORTEST, interval), code.expiresIn);
}

async function askForCodes(
  issuer: Issuer,
  { clientId, key, resource, scope, issuer: name, signal }: DeviceOptions,
): Promise<DeviceCode & { deviceCode: string; interval: number }> {
  const server = await issuer.discover('device_authorization_endpoint');
  const client: oauth.Client = { client_id: clientId };
  const wanted = new URLSearchParams({
    resource: resource ?? name,
    ...(scope === undefined || scope.length === 0 ? {} : { scope: scope.join(' ') }),
  });
  const ask = async (nonce?: string): Promise<oauth.DeviceAuthorizationResponse> => {
    const target = { method: 'POST', url: server.device_authorization_endpoint!, ...(nonce && { nonce }) };
    const headers = { dpop: await signProof(key, target) };
    const options = { ...issuer.http, headers, ...(signal && { signal }) };
    const response = await oauth.deviceAuthorizationRequest(server, client, oauth.None(), wanted, options);
    return oauth.processDeviceAuthorizationResponse(server, client, response);
  };
  const answer = await answerOf(async () => {
    try {
      return await ask();
    } catch (error) {
      const nonce = error instanceof oauth.ResponseBodyError ? error.response.headers.get('dpop-nonce') : null;
      if (!oauth.isDPoPNonceError(error) || nonce === null) throw error;
      return ask(nonce);
    }
  });
  const { device_code: deviceCode, user_code: userCode, verification_uri_complete: complete } = answer;
  if (deviceCode.length > MAX_CODE || !USER_CODE.test(userCode))
    throw new RemoteError('INTERNAL', 'The authority gave a code that cannot be shown or kept.', {});
  return {
    ...{ deviceCode, userCode, interval: answer.interval ?? INTERVAL },
    verificationUri: ofAuthority(name, answer.verification_uri),
    verificationUriComplete: complete === undefined ? undefined : ofAuthority(name, complete),
    expiresIn: Math.min(answer.expires_in, LONGEST_LIFE),
  };
}

/** A person follows it and gives a password there: it is on the authority, or it is nobody's (RFC 8628 §5.3). */
function ofAuthority(issuer: string, address: string): string {
  const url = address.length <= MAX_CODE && URL.canParse(address) ? new URL(address) : undefined;
  if (url?.origin === new URL(issuer).origin && url.username === '' && url.password === '') return url.href;
  throw new DAuthError('POLICY_DENIED', 'The authority would send you to another site than its own. Do not go there.');
}

/** Asks until there is an answer (RFC 8628 §3.4, §3.5). Time is what was waited: no clock that somebody sets decides. */
async function poll(
  issuer: Issuer,
  options: DeviceOptions,
  deviceCode: string,
  interval: number,
  life: number,
): Promise<SignIn> {
  let failures = 0;
  // One for all questions: the nonce of an answer goes into the next (RFC 9449 §8.2).
  const dpop = oauth.DPoP({}, { privateKey: options.key.privateKey, publicKey: options.key.publicKey });
  for (let [left, pause] = [life, interval]; left > 0;) {
    // Twice as long after each question that nobody answered, and never less than the authority asked for.
    const seconds = Math.min(left, Math.max(pause, Math.min(pause * 2 ** failures, MOST_PATIENT)));
    const waited = options.wait(seconds * 1_000, options.signal);
    // However a wait ends that is aborted, the reason is the signal's.
    await waited.finally(() => options.signal?.throwIfAborted());
    left -= seconds;
    const answer = await askOnce(issuer, options, deviceCode, dpop);
    if (typeof answer !== 'string') return answer;
    failures = answer === 'unreachable' ? failures + 1 : 0;
    if (answer === 'unreachable') options.isUnreachable?.();
    if (answer === 'slow_down') pause += SLOWER;
  }
  throw tooLate();
}

type Pending = 'authorization_pending' | 'slow_down' | 'unreachable';

async function askOnce(
  issuer: Issuer,
  options: DeviceOptions,
  deviceCode: string,
  dpop: oauth.DPoPHandle,
): Promise<SignIn | Pending> {
  const { clientId, signal, resource = options.issuer } = options;
  const server = await issuer.discover('token_endpoint');
  const client: oauth.Client = { client_id: clientId };
  const ask = async (): Promise<oauth.TokenEndpointResponse | 'unreachable'> => {
    const more = { ...issuer.http, DPoP: dpop, ...(signal && { signal }) };
    const response = await oauth
      .deviceCodeGrantRequest(server, client, oauth.None(), deviceCode, more)
      .catch((error: unknown) => {
        signal?.throwIfAborted();
        // What is ours to refuse is refused; everything else is a network that may be back.
        if (error instanceof DAuthError) throw error;
        return undefined;
      });
    if (response === undefined || response.status >= 500 || response.status === 429) return 'unreachable';
    return oauth.processDeviceCodeResponse(server, client, response);
  };
  try {
    const answer = await ask().catch((error: unknown) => {
      if (!oauth.isDPoPNonceError(error)) throw error;
      return ask();
    });
    return answer === 'unreachable' ? answer : toSignIn(answer, resource);
  } catch (error) {
    const told = error instanceof oauth.ResponseBodyError ? error.error : undefined;
    if (told === 'authorization_pending' || told === 'slow_down') return told;
    throw told === 'expired_token' ? tooLate() : asAnswerError(error);
  }
}

function tooLate(): DAuthError {
  return new DAuthError('UNAUTHENTICATED', 'Nobody answered in time. Start again.');
}
