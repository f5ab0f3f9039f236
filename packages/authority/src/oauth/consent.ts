/**
 * The person's answer (spec/dauth.md §4.2): read from the form, held against what the page offered, and written as a grant.
 * Never more than was offered, never by another session than the one that was asked, and never twice.
 *
 * One row a person, app and resource, widened in place: a second device of the same app, and a call that runs while its app
 * asks for one scope more, keep what they have; and revoking that row ends all of it. A code and a refresh token carry what
 * their own page showed, so that a wider row widens none that was there before.
 */
import { DAuthError, LIMITS } from '@dauth/protocol';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpContext, HttpEnv } from '../http.ts';
import { leadOn } from '../people/lead.ts';
import { readPageForm } from '../people/page-form.ts';
import { sessionOf, type Session } from '../people/session.ts';
import type { Asked } from '../store/asks.ts';
import type { Grant } from '../store/grants.ts';
import type { Terms } from './consented.ts';
import { OAuthError } from './errors.ts';
import type { Form } from './form.ts';
import { issueToken } from './issue.ts';
import { assertUnrevoked } from './live.ts';
import { isTokenSized, liveConsent, union, type Offer } from './offer.ts';
import { hashed, newSecret } from './secret.ts';
import { ANSWERED_PATH, isStillAsked, tellNo, tellYes, type Asking } from './way.ts';

/** What may be chosen as the life of a grant, in seconds. The shortest is longer than any token lives. */
export const DURATIONS: Readonly<Record<string, number>> = Object.freeze({
  '1 hour': 3_600,
  '1 day': 86_400,
  '30 days': 2_592_000,
  '90 days': 7_776_000,
});
const ASK_SECONDS = 600;

/** Opens a question in this session. @returns its id, for the form */
export function openAsk({ store, now }: Authority, session: Session, offer: Offer<Asking>): string {
  const id = newSecret();
  store.transaction(() => store.asks.open(hashed(id), askedIn(session), offer, now() + ASK_SECONDS));
  return id;
}

export function consentEndpoint(app: Hono<HttpEnv>, authority: Authority): void {
  app.post('/consent', async (c) => {
    const form = await readPageForm(c, needSession(authority, c));
    const to = answer(authority, c, form);
    return to === ANSWERED_PATH ? c.redirect(to, 303) : leadOn(c, 'Answered', to);
  });
}

/** @returns where the browser goes: back to the app, with a code or a no, or to a page that says so */
function answer(authority: Authority, c: HttpContext, form: Form): string {
  const { store } = authority;
  try {
    return store.transaction(() => {
      // Asked again where nothing can come between any more: a session may end while a form comes in.
      const session = needSession(authority, c);
      const offer = store.asks.take(hashed(form.ask ?? ''), askedIn(session)) as Offer<Asking> | undefined;
      if (offer === undefined) throw startAgain('This question was answered already, or has ended.');
      assertStillAsked(authority, session, offer);
      if (form.decision === 'deny') return tellNo(authority, offer.request);
      if (form.decision !== 'approve') throw startAgain('The answer was neither yes nor no.');
      return consent(authority, session, offer, readChoice(form, offer));
    });
  } catch (error) {
    if (error instanceof OAuthError) throw new DAuthError('INVALID_REQUEST', error.description, { cause: error });
    throw error;
  }
}

/** Writes what was chosen, together with what was given before. @returns where the browser goes */
function consent(authority: Authority, { sub, org }: Session, offer: Offer<Asking>, choice: Choice): string {
  const { store, now, log } = authority;
  const { request, given } = offer;
  const current = liveConsent(authority, request, { sub, org });
  // What the page called given was taken away meanwhile: no yes to the one is a yes to the other.
  if (given !== null && current?.id !== given.grant_id)
    throw startAgain('What you gave this app has changed meanwhile.');
  const terms = together(given, choice);
  const { scopes, details } = together(current ?? null, terms);
  const { client_id, resource } = request;
  const made = { kind: 'consent', owner: sub, org, client_id, resource, scopes, details } as const;
  const times = { expires_at: now() + choice.seconds, created_at: current?.created_at ?? now() };
  const grant: Grant = { ...made, ...times, id: current?.id ?? authority.newId() };
  assertFits(authority, grant);
  if (current === undefined) addGrant(authority, grant);
  else store.grants.update(grant);
  const action = current === undefined ? 'grant.consent' : 'grant.widen';
  store.audit.note({ time: now(), actor: sub, asOperator: false, action, subject: grant.id });
  log({ event: action, client_id, subject: grant.id, connections: details.length });
  return tellYes(authority, request, grant, terms);
}

interface Choice extends Terms {
  readonly seconds: number;
}

const BOX = /^(scope|detail)\.(0|[1-9][0-9]{0,2})$/;
const FIELDS = ['csrf', 'ask', 'decision', 'duration'];

/** What was ticked, by its place on the page: nothing can be named that was not there. @throws DAuthError `INVALID_REQUEST` */
function readChoice(form: Form, { scopes, details }: Offer): Choice {
  const ticked = { scope: new Set<number>(), detail: new Set<number>() };
  for (const name of Object.keys(form)) {
    if (FIELDS.includes(name)) continue;
    const [, kind, index] = BOX.exec(name) ?? [];
    const offered = kind === 'scope' ? scopes : kind === 'detail' ? details : [];
    if (Number(index ?? -1) >= offered.length || index === undefined || form[name] !== 'on')
      throw startAgain('The answer names something that was not offered.');
    ticked[kind as 'scope' | 'detail'].add(Number(index));
  }
  const { duration = '' } = form;
  if (!Object.hasOwn(DURATIONS, duration)) throw startAgain('The answer has no duration that was offered.');
  return {
    scopes: scopes.filter((_, index) => ticked.scope.has(index)),
    details: details.filter((_, index) => ticked.detail.has(index)),
    seconds: DURATIONS[duration]!,
  };
}

function together(one: Partial<Pick<Grant, 'scopes' | 'details'>> | null, other: Terms): Terms {
  return {
    scopes: [...new Set([...(one?.scopes ?? []), ...other.scopes])],
    details: union(one?.details ?? [], other.details),
  };
}

/** That app, person, server and the way back are still what they were when the page was shown. */
function assertStillAsked(authority: Authority, { sub, org }: Session, { request }: Offer<Asking>): void {
  const { client_id, resource } = request;
  assertUnrevoked(authority, { client: client_id, server: resource, owner: sub, org });
  const client = authority.store.registry.client(client_id);
  if (client === undefined || !isStillAsked(authority, client, request))
    throw startAgain('The app is not registered any more as it was.');
}

/** Refuses here, where the person can choose less, what no token could carry: a token is written and thrown away. */
function assertFits(authority: Authority, { owner, org, resource, client_id, id, scopes, details }: Grant): void {
  const { now } = authority;
  const isSized = isTokenSized(details!);
  try {
    if (isSized) {
      const who = { sub: owner, org, aud: resource, client_id, scope: scopes!, grant_id: id };
      issueToken(authority, { ...who, jkt: 'x'.repeat(43), details: details!, exp: now() + LIMITS.accessTokenSeconds });
      return;
    }
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
  }
  const most = `at most ${LIMITS.details} connections and origins and ${LIMITS.actions} actions`;
  throw new DAuthError('INVALID_REQUEST', `That is more than one token can say: ${most}. Go back and choose fewer.`);
}

function addGrant({ store, now }: Authority, grant: Grant): void {
  store.grants.dropEnded(grant.owner, grant.org, now());
  if (store.grants.count(grant.owner, grant.org, now()) >= LIMITS.grantsPerOwner)
    throw new DAuthError('CONFLICT', `A person gives at most ${LIMITS.grantsPerOwner} grants; revoke some first.`);
  store.grants.add(grant);
}

function needSession(authority: Authority, c: HttpContext): Session {
  const session = sessionOf(authority, c);
  if (session === undefined) throw new DAuthError('FORBIDDEN', 'You are signed out. Start again in the app.');
  return session;
}

/** A session by what only its own pages hold, and its person. */
function askedIn({ csrf, sub, org }: Session): Asked {
  return { session: hashed(csrf), owner: sub, org };
}

function startAgain(why: string): DAuthError {
  return new DAuthError('INVALID_REQUEST', `${why} Start again in the app.`);
}
