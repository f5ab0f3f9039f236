/** A request for a token as it goes out, signed before where its scheme says so. */
import type { Injection, TokenScheme } from '@dauth/protocol';
import type { Filled } from '../secret/inject.ts';
import type { KeptToken } from '../secret/kept-token.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import { signingAlg, signAssertion } from '../secret/token-assertion.ts';
import { fillTokenRequest } from '../secret/token-request.ts';

/** @param now Unix seconds; @param grant what the credential was exchanged for before */
export function signAndFill(
  plaintext: Plaintext,
  injections: readonly Injection[],
  scheme: TokenScheme,
  now: number,
  grant?: KeptToken,
): Filled {
  const assertion =
    signingAlg(scheme) === undefined ? undefined : signAssertion(plaintext, injections, scheme, now).jwt;
  return fillTokenRequest(plaintext, injections, scheme, { grant, assertion });
}
