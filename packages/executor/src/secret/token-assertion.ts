/**
 * The assertion in a request for a token, where its scheme has one (§2.6): signed before the request is filled, since signing
 * takes its turn, and sealed in between as a token is.
 */
import { injectedFields, proofOf, type Injection, type SigningAlg, type TokenScheme } from '@dauth/protocol';
import { APP_JWT, makeAppJwt, makeAssertion, signatureOf } from './assertion.ts';
import { readFields } from './fields.ts';
import type { Fields } from './fill.ts';
import { keepToken, type KeptToken } from './kept-token.ts';
import { wipe } from './memory.ts';
import type { Plaintext } from './plaintext.ts';

/** Seconds that a client's assertion is good for: it is used at once, and whoever gets hold of it soon has nothing. */
const CLIENT_LIFE = 60;

export interface SignedAssertion {
  readonly jwt: KeptToken;
  /** What answers are searched for. */
  readonly signature: KeptToken;
  /** For which it is good. */
  readonly seconds: number;
}

/** By what a scheme signs; undefined where it does not. */
export function signingAlg(scheme: TokenScheme): SigningAlg | undefined {
  if (scheme.scheme === 'github_app') return APP_JWT.alg;
  if (scheme.scheme === 'jwt_bearer') return scheme.alg;
  const proof = proofOf(scheme);
  return proof?.auth === 'private_key_jwt' ? proof.alg : undefined;
}

/**
 * @param now Unix seconds
 * @throws DAuthError `DECRYPTION_FAILED` for a plaintext without the named fields; `POLICY_DENIED` for a key that does not sign so, and
 * for a value that no claim takes
 */
export function signAssertion(
  plaintext: Plaintext,
  injections: readonly Injection[],
  scheme: TokenScheme,
  now: number,
): SignedAssertion {
  return plaintext.lend((bytes) => {
    const { jwt, seconds } = make(scheme, readFields(bytes, injectedFields(injections)), now);
    try {
      return { jwt: keepToken(jwt, plaintext), signature: keepToken(signatureOf(jwt), plaintext), seconds };
    } finally {
      wipe(jwt);
    }
  });
}

/** RFC 7523 §2.1, GitHub's, or RFC 7523 §2.2: by the client about itself. `jwt` is owned memory which the caller zeroes. */
function make(scheme: TokenScheme, fields: Fields, now: number): { readonly jwt: Buffer; readonly seconds: number } {
  if (scheme.scheme === 'github_app') return { jwt: makeAppJwt(scheme, fields, now), seconds: APP_JWT.life };
  if (scheme.scheme === 'jwt_bearer') {
    const scope = scheme.scope_in === 'claim' ? scheme.scope : undefined;
    return { jwt: makeAssertion(scheme, fields, now, scope), seconds: scheme.lifetime };
  }
  const proof = proofOf(scheme);
  if (proof?.auth !== 'private_key_jwt' || scheme.client_id === undefined)
    throw new TypeError('The scheme has no assertion.');
  const { auth: _, ...key } = proof;
  const id = scheme.client_id;
  const jwt = makeAssertion({ ...key, iss: id, sub: id, lifetime: CLIENT_LIFE }, fields, now);
  return { jwt, seconds: CLIENT_LIFE };
}
