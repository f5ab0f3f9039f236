/**
 * What comes of a person's sign-in: tokens for the authority or a server, and the refresh token that gives the next ones.
 * A refresh token works once: whoever renews keeps the new one before anything else. Never a token without this device's key.
 */
import * as oauth from 'oauth4webapi';
import { RemoteError } from './http.ts';
import { Issuer } from './issuer.ts';
import type { ClientKey } from './key.ts';
import { asTokenError, toToken, type Token } from './tokens.ts';

/** A public client of an authority, and the key its tokens are bound to. */
export interface SignedInClient {
  readonly issuer: string;
  readonly clientId: string;
  readonly key: ClientKey;
  readonly fetch?: typeof fetch;
}

export interface SignIn {
  readonly token: Token;
  /** Bound to the key; works once. */
  readonly refreshToken: string;
  /** Seconds until it ends unused, where the authority says so. */
  readonly refreshTimeout: number | undefined;
}

const REFRESH_TOKEN = /^[\x21-\x7e]{1,2048}$/;
/** A hundred years: what is longer is no time. */
const MOST_SECONDS = 3_155_760_000;

/**
 * Gets a token and the next refresh token (RFC 6749 §6). From here on `refreshToken` is used up, whatever becomes of the answer.
 * @throws RemoteError with `oauthError`; `invalid_grant`: the sign-in has ended
 */
export async function renewSignIn(
  of: SignedInClient,
  refreshToken: string,
  wanted: { readonly resource: string; readonly scope?: readonly string[] },
): Promise<SignIn> {
  const issuer = new Issuer(of.issuer, of.fetch ?? globalThis.fetch);
  const server = await issuer.discover('token_endpoint');
  const client: oauth.Client = { client_id: of.clientId };
  const { resource, scope = [] } = wanted;
  const options = {
    ...issuer.http,
    DPoP: oauth.DPoP({}, { privateKey: of.key.privateKey, publicKey: of.key.publicKey }),
    additionalParameters: { resource, ...(scope.length === 0 ? {} : { scope: scope.join(' ') }) },
  };
  const send = async (): Promise<oauth.TokenEndpointResponse> => {
    const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken, options);
    return oauth.processRefreshTokenResponse(server, client, response);
  };
  const answer = await answerOf(() =>
    send().catch((error: unknown) => {
      if (!oauth.isDPoPNonceError(error)) throw error;
      return send();
    }),
  );
  return toSignIn(answer, resource);
}

/** Gives the refresh token back, and with it all that came of the same yes (RFC 7009). */
export async function endSignIn(of: Omit<SignedInClient, 'key'>, refreshToken: string): Promise<void> {
  const issuer = new Issuer(of.issuer, of.fetch ?? globalThis.fetch);
  const server = await issuer.discover('revocation_endpoint');
  const options = { ...issuer.http, additionalParameters: { token_type_hint: 'refresh_token' } };
  await answerOf(async () => {
    const client: oauth.Client = { client_id: of.clientId };
    const response = await oauth.revocationRequest(server, client, oauth.None(), refreshToken, options);
    await oauth.processRevocationResponse(response);
  });
}

/** @throws DAuthError `UNAUTHENTICATED` where the token is not bound; RemoteError where there is nothing to renew it with */
export function toSignIn(answer: oauth.TokenEndpointResponse, resource: string): SignIn {
  const token = toToken(answer, resource);
  const { refresh_token: refreshToken, refresh_token_timeout: timeout } = answer;
  if (refreshToken === undefined || !REFRESH_TOKEN.test(refreshToken))
    throw new RemoteError(
      'FORBIDDEN',
      'The authority gave no refresh token: the client is not registered for refresh_token.',
      {},
    );
  const isTime = typeof timeout === 'number' && timeout > 0 && timeout < MOST_SECONDS;
  return Object.freeze({ token, refreshToken, refreshTimeout: isTime ? timeout : undefined });
}

/** What was asked, or why not as `asAnswerError` says it. */
export function answerOf<T>(ask: () => Promise<T>): Promise<T> {
  return ask().catch((error: unknown) => {
    throw asAnswerError(error);
  });
}

/** Refusals under a code of ours, and whatever is no answer of an authority as such; a network's failure as it is. */
export function asAnswerError(error: unknown): unknown {
  if (!(error instanceof oauth.OperationProcessingError)) return asTokenError(error);
  const isDown = error.cause instanceof Response && error.cause.status >= 500;
  const [code, why] = isDown
    ? (['ENCLAVE_UNAVAILABLE', 'The authority cannot serve this now.'] as const)
    : (['INTERNAL', 'The authority answered with something that this client does not know.'] as const);
  return new RemoteError(code, why, { cause: error });
}
