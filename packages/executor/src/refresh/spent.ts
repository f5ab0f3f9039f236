/** What the owner of a connection is told where its grant did not become, or is no longer, one that can be used (§2.6). */
import { DAuthError } from '@dauth/protocol';

const AGAIN = 'Its owner has to connect again.';

/** Of a code whose redemption did not end with a token: why not, and that it is worth nothing now. */
export function spentCode(caught: unknown): DAuthError {
  const code = caught instanceof DAuthError ? caught.code : 'INTERNAL';
  return new DAuthError('NEEDS_REAUTHORIZATION', `${REASONS[code] ?? UNKNOWN} ${AGAIN}`, { cause: caught });
}

/** Of an access token that came without a refresh token. */
export function endedAccess(): DAuthError {
  const why = 'The access token has ended, and no refresh token came with it.';
  return new DAuthError('NEEDS_REAUTHORIZATION', `${why} ${AGAIN}`);
}

/** What is said of a code by default, and where nobody knows whether it arrived. */
const UNKNOWN = 'No token came for the authorization code, which may have been shown and is not shown twice.';
const REASONS: Readonly<Record<string, string>> = Object.freeze({
  __proto__: null as never,
  NEEDS_REAUTHORIZATION:
    'The token endpoint did not take the authorization code: it has ended, was used, or is of another request.',
  DOWNSTREAM_AUTH_FAILURE:
    'The token endpoint did not take the client that showed the authorization code, or gave no bearer token that can be used.',
  DOWNSTREAM_TLS_ERROR:
    'The token endpoint did not prove its identity over TLS, and was not shown the authorization code.',
});
