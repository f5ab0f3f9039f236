/**
 * `/account`: who I am, who may act for me, where I am signed in; with the ways to end each. Never shows or changes anything
 * of another person.
 */
import { DAuthError } from '@dauth/protocol';
import type { Context, Hono } from 'hono';
import { OPERATOR_ID, type Authority } from '../context.ts';
import type { HttpContext, HttpEnv } from '../http.ts';
import type { Grant } from '../store/grants.ts';
import { EMPTY, fields, type Field, type Filled } from './field.ts';
import { markup, type Html } from './html.ts';
import { csrfField, readPageForm } from './page-form.ts';
import { page } from './page.ts';
import { refusePassword, type Passwords } from './password.ts';
import { provePassword } from './sign-in.ts';
import { openSession, sessionOf, signInFirst, type Session } from './session.ts';
import type { Tries } from './tries.ts';

const PASSWORDS: readonly Field[] = [
  { name: 'current', label: 'Current password', type: 'password', autocomplete: 'current-password' },
  {
    ...{ name: 'password', label: 'New password', type: 'password', autocomplete: 'new-password' },
    hint: 'At least 12 characters. You stay signed in here and are signed out everywhere else.',
  },
];

export function account(app: Hono<HttpEnv>, authority: Authority, passwords: Passwords, tries: Tries): void {
  const { store } = authority;

  app.get('/account', (c) => {
    const session = sessionOf(authority, c);
    return session === undefined ? signInFirst(c, '/account') : show(authority, c, session);
  });

  app.post('/account/revoke', async (c) => {
    const session = needSession(authority, c);
    const { grant: id } = await readPageForm(c, session);
    writeAs(authority, c, session, (note) => {
      const grant = id === undefined ? undefined : store.grants.get(id);
      if (grant === undefined || !isOwn(grant, session))
        throw new DAuthError('NOT_FOUND', 'There is no such permission of yours.');
      store.changes.revoke('grant', grant.id, authority.now());
      note('grant.revoke', grant.id);
    });
    return c.redirect('/account', 303);
  });

  app.post('/account/sign-out-everywhere', async (c) => {
    const session = needSession(authority, c);
    await readPageForm(c, session);
    writeAs(authority, c, session, (note) => {
      store.people.endSessions(session.sub);
      note('sessions.end', session.sub);
    });
    return c.redirect('/sign-in', 303);
  });

  app.post('/account/password', async (c) => {
    const session = needSession(authority, c);
    const form = await readPageForm(c, session);
    const { login } = store.people.user(session.sub)!;
    const again = (wrong: Filled['wrong'], status: number) =>
      show(authority, c, session, { values: {}, wrong }, status);
    const refused = refusePassword(form.password, login);
    if (refused !== undefined) return again({ password: refused }, 400);
    const sub = await provePassword({ authority, passwords, tries }, c, login, form.current ?? '');
    if (sub !== session.sub) return again({ current: 'This is not your current password.' }, 403);
    const password = await passwords.hash(form.password!);
    writeAs(authority, c, session, (note) => {
      store.people.setPassword(session.sub, password);
      // Whoever knew the old password is out.
      store.people.endSessions(session.sub);
      note('password.change', session.sub);
    });
    openSession(authority, c, session.sub);
    return c.redirect('/account', 303);
  });
}

/** @throws DAuthError `FORBIDDEN` */
function needSession(authority: Authority, c: HttpContext): Session {
  const session = sessionOf(authority, c);
  if (session === undefined) throw new DAuthError('FORBIDDEN', 'You are signed out. Sign in and do this again.');
  return session;
}

/** One transaction, in which the session is asked for again: none ends while a form comes in and is acted on all the same. */
function writeAs(
  authority: Authority,
  c: HttpContext,
  session: Session,
  body: (note: (action: string, subject: string) => void) => void,
): void {
  const { store, log } = authority;
  store.transaction(() => {
    if (needSession(authority, c).sub !== session.sub) throw new DAuthError('FORBIDDEN');
    body((action, subject) => {
      store.audit.note({ time: authority.now(), actor: session.sub, asOperator: false, action, subject });
      log({ event: action, subject, request_id: c.get('requestId') });
    });
  });
}

/** The operator's own registration is not here: without it nobody could undo a mistake. */
function isOwn(grant: Grant, { sub, org }: Session): boolean {
  return grant.owner === sub && grant.org === org && grant.client_id !== OPERATOR_ID;
}

function show(authority: Authority, c: Context<HttpEnv>, session: Session, filled = EMPTY, status = 200): Response {
  const { store, now } = authority;
  const { sub, login, email, org } = store.people.user(session.sub)!;
  const grants = store.grants.list(session, now()).filter((grant) => isOwn(grant, session));
  const csrf = csrfField(c, session);
  const others = store.people.countSessions(sub) - 1;
  return page(
    c,
    { title: session.name, status },
    markup`<dl>
<dt>Login</dt><dd>${login}</dd>
${email !== null && markup`<dt>Email</dt><dd>${email}</dd>`}
<dt>Owner</dt><dd><code>${sub}</code></dd>
<dt>Organisation</dt><dd>${org}</dd>
</dl>
<form method="post" action="/sign-out">${csrf}<button class="quiet">Sign out</button></form>
<h2>Who may act for you</h2>
${
  grants.length === 0
    ? markup`<p class="soft">Nobody. What you allow on a consent page is listed here.</p>`
    : markup`<ul class="rows">${grants.map((grant) => grantRow(authority, grant, csrf))}</ul>`
}
<h2>Where you are signed in</h2>
<p>Here${others > 0 && `, and in ${others === 1 ? 'one other browser' : `${others} other browsers`}`}.</p>
<form method="post" action="/account/sign-out-everywhere">${csrf}<button class="quiet">Sign out everywhere</button></form>
<h2>Change your password</h2>
<form method="post" action="/account/password">${csrf}
<input type="text" name="username" value="${login}" autocomplete="username" hidden>
${fields(PASSWORDS, filled, false)}
<div class="actions"><button>Change password</button></div>
</form>`,
  );
}

function grantRow({ store }: Authority, grant: Grant, csrf: Html): Html {
  const { id, client_id, resource, kind, scopes, details, expires_at, created_at } = grant;
  const name = store.registry.client(client_id)?.name ?? client_id;
  const connections = details?.map((detail) => detail.name ?? detail.identifier) ?? [];
  return markup`<li>
<p><strong><bdi>${name}</bdi></strong> at <code>${resource}</code></p>
<p class="soft">${KINDS[kind]} since ${day(created_at)}${expires_at !== null && `, until ${day(expires_at)}`}.
${scopes !== null && scopes.length > 0 && markup` Scopes: <code>${scopes.join(' ')}</code>.`}
${connections.length > 0 && markup` Connections: ${connections.map((each, index) => markup`${index > 0 && ', '}<bdi>${each}</bdi>`)}.`}</p>
<form method="post" action="/account/revoke">${csrf}<input type="hidden" name="grant" value="${id}">
<button class="bad" aria-label="Revoke what ${name} may do">Revoke</button></form>
</li>`;
}

const KINDS: Readonly<Record<Grant['kind'], string>> = {
  client: 'Registered for you by the operator',
  runner: 'Uses credentials that you pinned to it',
  consent: 'Allowed by you',
};

function day(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().slice(0, 10);
}
