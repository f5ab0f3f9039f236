/**
 * `GET /authorize` (RFC 6749 §4.1.1): from an app's request to a person's answer. Before client and redirect URI are certain
 * a refusal is a page of ours; after that it is a redirect with `error`, `state` and `iss` (RFC 9207), of an app that nobody
 * vouches for a page with that as a link. Never a redirect to what a request alone names, and never a yes that no person gave.
 */
import { DAuthError, encodeUtf8 } from '@dauth/protocol';
import type { Hono } from 'hono';
import { resolveClient } from '../clients/document.ts';
import type { Authority } from '../context.ts';
import { addressOf, type HttpContext, type HttpEnv } from '../http.ts';
import { refusalPage } from '../people/page.ts';
import { closeSession, sessionOf, signInFirst, type Session } from '../people/session.ts';
import type { Client } from '../store/registry.ts';
import { makeCode } from './code.ts';
import { openAsk } from './consent.ts';
import { consentPage } from './consent-page.ts';
import { OAuthError } from './errors.ts';
import { need, parseForm, type Form } from './form.ts';
import { assertUnrevoked } from './live.ts';
import { liveConsent, makeOffer, settledBefore, type Offer } from './offer.ts';
import { isPushed, pushRequest, shareOf, takePushed } from './par.ts';
import { asOAuthError } from './problem.ts';
import { refusedPage } from './refused-page.ts';
import { errorUrl, responseUrl, settleRedirect, type Returning } from './redirect.ts';
import { readRequest, readReturning, type AuthorizationRequest } from './request.ts';

/** As long as a person needs to sign in. */
const RESUMED_SECONDS = 600;
/** What `prompt=login` asks for is met by a sign-in this young: the one it just led to. */
const JUST_NOW = 60;
/** The sign-in page takes no longer way back. */
const LONGEST_WAY_BACK = 4_096;

export function authorizeEndpoint(app: Hono<HttpEnv>, authority: Authority): void {
  const { config, log } = authority;
  app.get('/authorize', async (c) => {
    const refusePage = (error: unknown) => {
      const { code, description } = asOAuthError(error);
      log({ event: 'authorize_refused', error: code, request_id: c.get('requestId') });
      return refusalPage(c, new DAuthError('INVALID_REQUEST', description));
    };
    let opened: Opened;
    try {
      opened = await open(authority, c);
    } catch (error) {
      return refusePage(error);
    }
    const { client, returning } = opened;
    try {
      const answer = proceed(authority, c, opened);
      if (answer instanceof Response) return answer;
      return c.redirect(responseUrl(returning, config.issuer, { code: answer }), 303);
    } catch (error) {
      const known = asOAuthError(error);
      const { client_id } = client;
      log({ event: 'authorize_refused', error: known.code, client_id, request_id: c.get('requestId') });
      const back = errorUrl(returning, config.issuer, known);
      return client.source === 'operator' ? c.redirect(back, 303) : refusedPage(c, client, returning, known, back);
    }
  });
}

interface Opened {
  readonly client: Client;
  readonly returning: Returning;
  /** What was pushed, and so is not in the address. */
  readonly pushed: AuthorizationRequest | null;
  readonly form: Form;
}

/** Client and redirect URI, or a page. @throws OAuthError */
async function open(authority: Authority, c: HttpContext): Promise<Opened> {
  const form = parseForm(encodeUtf8(new URL(c.req.url).search.slice(1)), 'authorization request');
  const client = await resolveClient(authority, need(form, 'client_id', 'authorization request'), addressOf(c));
  // No client, one without redirect URIs and a revoked one are one answer.
  if (
    client === undefined ||
    client.redirect_uris.length === 0 ||
    authority.store.changes.isRevoked('client', client.client_id)
  )
    throw new OAuthError('invalid_client', 'The app that sent you here is not registered at this authority.');
  if (form.request_uri === undefined || !isPushed(form.request_uri))
    return { client, form, returning: readReturning(client, form), pushed: null };
  const pushed = takePushed(authority, form.request_uri, client.client_id);
  if (settleRedirect(client, pushed.redirect_uri) === undefined)
    throw new OAuthError('invalid_request', 'The app is not registered any more as it was.');
  return { client, form, returning: pushed, pushed };
}

/** @returns a page, the way to sign in, or a code where everything was said before. @throws OAuthError */
function proceed(authority: Authority, c: HttpContext, { client, form, pushed }: Opened): Response | string {
  const request = pushed ?? readRequest(authority, client, form);
  const session = sessionOf(authority, c);
  if (session === undefined || isTooOld(authority, session, request)) {
    if (request.prompt.includes('none')) throw new OAuthError('login_required', 'The person has to sign in first.');
    // The sign-in page asks nobody who is signed in.
    if (session !== undefined) closeSession(authority, c);
    return signInFirst(c, wayBack(authority, c, client, request, pushed !== null));
  }
  if (session.org !== client.org)
    throw new OAuthError('access_denied', 'The person belongs to another organisation than this app.');
  const { sub, org } = session;
  const { client_id, resource } = request;
  const offer = makeOffer(authority, client, request, session);
  const code = authority.store.transaction(() => {
    assertUnrevoked(authority, { client: client_id, server: resource, owner: sub, org });
    return codeWithoutAsking(authority, session, client, offer);
  });
  if (code !== undefined) return code;
  if (request.prompt.includes('none')) throw new OAuthError('consent_required', 'The person has to be asked first.');
  return consentPage(authority, c, { session, client, offer, ask: openAsk(authority, session, offer) });
}

function codeWithoutAsking(
  authority: Authority,
  { sub, org }: Session,
  client: Client,
  offer: Offer<AuthorizationRequest>,
): string | undefined {
  const { request, given } = offer;
  const terms = settledBefore(client, offer);
  const grant = liveConsent(authority, request, { sub, org });
  if (terms === undefined || grant === undefined || grant.id !== given?.grant_id) return undefined;
  authority.log({ event: 'authorized_before', client_id: client.client_id, subject: grant.id });
  return makeCode(authority, request, grant, terms);
}

function isTooOld({ now }: Authority, { authTime }: Session, { prompt, maxAge }: AuthorizationRequest): boolean {
  const wantsLogin = prompt.includes('login') || prompt.includes('select_account');
  const age = wantsLogin ? JUST_NOW : maxAge === null ? Number.POSITIVE_INFINITY : Math.max(maxAge, JUST_NOW);
  return now() - authTime > age;
}

/** Where the sign-in leads back to: the same address, or the name of a request that is kept for it. */
function wayBack(
  authority: Authority,
  c: HttpContext,
  client: Client,
  request: AuthorizationRequest,
  isPushed: boolean,
): string {
  // The one octet of a query that a path of ours may not have.
  const search = new URL(c.req.url).search.replaceAll('\\', '%5C');
  if (!isPushed && search.length <= LONGEST_WAY_BACK) return `/authorize${search}`;
  const request_uri = pushRequest(authority, request, RESUMED_SECONDS, shareOf(client, isPushed));
  return `/authorize?${new URLSearchParams({ client_id: request.client_id, request_uri }).toString()}`;
}
