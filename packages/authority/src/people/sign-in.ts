/**
 * `/sign-in` and `/sign-out`. One answer and one amount of work for an unknown login and a wrong password; never leads
 * anywhere but to a page of ours, and never writes down what was typed.
 */
import { DAuthError } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpContext, HttpEnv } from '../http.ts';
import { foldLogin } from './details.ts';
import { EMPTY, fields, type Field, type Filled } from './field.ts';
import { markup } from './html.ts';
import { leadOn } from './lead.ts';
import { csrfField, readPageForm } from './page-form.ts';
import { page } from './page.ts';
import type { Passwords } from './password.ts';
import { closeSession, localPath, openSession, sessionOf } from './session.ts';
import type { Tries } from './tries.ts';

const FIELDS: readonly Field[] = [
  { name: 'login', label: 'Login', autocomplete: 'username' },
  { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' },
];
const WRONG = 'This login and this password do not belong together.';

export function signIn(app: Hono<HttpEnv>, authority: Authority, passwords: Passwords, tries: Tries): void {
  const { store, log } = authority;

  app.get('/sign-in', (c) => {
    const next = localPath(c, c.req.query('next')) ?? '/account';
    return sessionOf(authority, c) === undefined ? show(c, next, EMPTY) : c.redirect(next, 303);
  });

  app.post('/sign-in', async (c) => {
    const form = await readPageForm(c, null);
    const next = localPath(c, form.next) ?? '/account';
    const login = foldLogin(form.login ?? '');
    const sub = await provePassword({ authority, passwords, tries }, c, login, form.password ?? '');
    if (sub === undefined) {
      log({ event: 'sign_in_refused', request_id: c.get('requestId') });
      return show(c, next, { values: { login: form.login }, wrong: { password: WRONG } }, 403);
    }
    const { org } = store.people.user(sub)!;
    if (store.changes.isAnyRevoked({ owner: sub, org }))
      throw new DAuthError('FORBIDDEN', 'Your access was revoked. Ask whoever runs this installation.');
    openSession(authority, c, sub);
    log({ event: 'sign_in', subject: sub, request_id: c.get('requestId') });
    // From there the way may go on to an app that was let in before.
    return next === '/account' ? c.redirect(next, 303) : leadOn(c, 'Signed in', next);
  });

  app.post('/sign-out', async (c) => {
    const session = sessionOf(authority, c);
    if (session !== undefined) {
      await readPageForm(c, session);
      closeSession(authority, c);
    }
    return c.redirect('/sign-in', 303);
  });
}

/**
 * Who this login and password are, at most so often for each login: known or not, or the limit would say which are.
 * @throws DAuthError `RATE_LIMITED`
 */
export async function provePassword(
  { authority, passwords, tries }: { authority: Authority; passwords: Passwords; tries: Tries },
  c: HttpContext,
  login: string,
  password: string,
): Promise<string | undefined> {
  const key = sha256Base64url(login);
  tries.take(c, key);
  const known = authority.store.people.login(login);
  if (!(await passwords.isRight(password, known?.password))) return undefined;
  // Changed while it was worked on: what was right before the change no longer is.
  if (authority.store.people.login(login)?.password !== known?.password) return undefined;
  tries.giveBack(key);
  return known?.sub;
}

function show(c: HttpContext, next: string, filled: Filled, status = 200): Response {
  return page(
    c,
    { title: 'Sign in', status },
    markup`<form method="post" action="/sign-in">
${csrfField(c, null)}<input type="hidden" name="next" value="${next}">
${fields(FIELDS, filled)}
<div class="actions"><button>Sign in</button></div>
</form>`,
  );
}
