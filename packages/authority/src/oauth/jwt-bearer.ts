/**
 * The `jwt-bearer` grant (RFC 7523 §2.1) for assertions of trusted issuers: an identity provider's about a user, a
 * platform's about a workload. One answer for whatever is wrong with an assertion; which of it, only the log says.
 */
import type { AuthorityConfig } from '../config.ts';
import type { Authority } from '../context.ts';
import type { HttpContext } from '../http.ts';
import type { Client } from '../store/registry.ts';
import { AssertionRefused, profileOf } from './assertion.ts';
import { authenticateClient } from './client-auth.ts';
import { OAuthError } from './errors.ts';
import { need, type Form } from './form.ts';
import { grantIdJag } from './id-jag.ts';
import type { TokenAnswer } from './issue.ts';
import { grantWorkload } from './workload.ts';

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const ID_JAG_PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag';
const REFUSED = "The assertion is not one that this authority takes. The authority's log says why.";

/** @throws OAuthError */
export async function grantJwtBearer(
  authority: Authority,
  c: HttpContext,
  form: Form,
  mayUse: (client: Client) => void,
): Promise<{ client: Client; answer: TokenAnswer }> {
  const compact = need(form, 'assertion');
  try {
    if (profileOf(compact) === 'workload') return await grantWorkload(authority, c, form, mayUse);
    // First who asks: what nobody proven sends makes the authority fetch nothing.
    const by = await authenticateClient(authority, c, form);
    mayUse(by.client);
    return { client: by.client, answer: await grantIdJag(authority, by, form) };
  } catch (error) {
    if (!(error instanceof AssertionRefused)) throw error;
    authority.log({ event: 'assertion_refused', reason: error.reason, request_id: c.get('requestId') });
    throw new OAuthError('invalid_grant', REFUSED, { cause: error });
  }
}

/** Whether anybody's assertions are taken at all. */
export function isFederated({ trustedIssuers }: AuthorityConfig): boolean {
  return trustedIssuers.length > 0;
}

/** Profiles for RFC 8414 metadata. */
export function grantProfiles({ trustedIssuers }: AuthorityConfig): readonly string[] {
  return trustedIssuers.some(({ profile }) => profile === 'id-jag') ? [ID_JAG_PROFILE] : [];
}
