/**
 * Authorization codes (RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9449 §10): made when a person said yes, used once, within a
 * minute. A second use ends the grant: somebody has a copy, and nobody can say which of the two is the thief.
 */
import { equalSecret, sha256Base64url } from '@dauth/verify';
import type { Authority } from '../context.ts';
import type { StoredCode } from '../store/codes.ts';
import type { Grant } from '../store/grants.ts';
import { boundTo, consumeOnce, type AuthenticatedClient } from './client-auth.ts';
import { issueConsented, type Terms } from './consented.ts';
import { OAuthError } from './errors.ts';
import { need, type Form } from './form.ts';
import type { TokenAnswer } from './issue.ts';
import { endGrant, openFamily } from './refresh.ts';
import type { AuthorizationRequest } from './request.ts';
import { hashed, newSecret } from './secret.ts';

const CODE_SECONDS = 60;
/** RFC 7636 §4.1. */
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/** What the token request has to repeat or prove, beside what it gets. */
interface CodeTerms extends Terms, Pick<AuthorizationRequest, 'redirect_uri' | 'namedRedirect' | 'challenge' | 'jkt'> {}

/** Makes a code for what a person said yes to. Call inside the transaction that wrote the grant. */
export function makeCode({ store, now }: Authority, request: AuthorizationRequest, grant: Grant, terms: Terms): string {
  const { client_id, redirect_uri, namedRedirect, challenge, jkt } = request;
  const code = newSecret();
  store.codes.add<CodeTerms>(hashed(code), {
    ...{ grant_id: grant.id, client_id, expires_at: now() + CODE_SECONDS },
    terms: { ...terms, redirect_uri, namedRedirect, challenge, jkt },
  });
  return code;
}

/** The grant type `authorization_code`. */
export async function grantCode(authority: Authority, by: AuthenticatedClient, form: Form): Promise<TokenAnswer> {
  const { store, now } = authority;
  const hash = hashed(need(form, 'code'));
  const verifier = need(form, 'code_verifier');
  const answer = await store.grouped(() => {
    consumeOnce(authority, by);
    const code = store.codes.find<CodeTerms>(hash);
    // One that never was, one that ended, and another client's are one answer.
    if (code === undefined || code.client_id !== by.client.client_id) throw noCode();
    if (code.used) return endGrant(authority, code.grant_id, by.client);
    if (code.expires_at <= now()) throw noCode();
    assertSame(code, by, verifier, form);
    if (!store.codes.use(hash)) throw noCode();
    const grant = store.grants.get(code.grant_id);
    const token = issueConsented(authority, by, grant, code.terms, form);
    return { ...token, ...openFamily(authority, by, grant!, code.terms) };
  });
  // Thrown out here: what ended is to stay ended.
  if (answer === 'ended')
    throw new OAuthError('invalid_grant', 'This authorization code was used before; the access it gave was ended.');
  return answer;
}

/** That the code comes back from where it was sent, by who asked for it. */
function assertSame({ terms }: StoredCode<CodeTerms>, by: AuthenticatedClient, verifier: string, form: Form): void {
  const asked = form.redirect_uri ?? (terms.namedRedirect ? undefined : terms.redirect_uri);
  if (asked !== terms.redirect_uri)
    throw refuse('The redirect URI is not the one of the authorization request. Send it again, octet for octet.');
  if (!VERIFIER.test(verifier) || !equalSecret(sha256Base64url(verifier), terms.challenge))
    throw refuse('The "code_verifier" does not belong to the "code_challenge" of the authorization request.');
  if (terms.jkt !== null && terms.jkt !== boundTo(by))
    throw refuse('The code is bound to another DPoP key than the one that this request proves.');
}

function noCode(): OAuthError {
  return refuse('The authorization code is not valid. Start again at the authorization endpoint.');
}

function refuse(description: string): OAuthError {
  return new OAuthError('invalid_grant', description);
}
