/**
 * `/first-run`: a code and a password make a person: the first one, or one who was invited. Never works twice with one
 * code, and never without one.
 */
import { DAuthError } from '@dauth/protocol';
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpContext, HttpEnv } from '../http.ts';
import type { Form } from '../oauth/form.ts';
import type { Invitation, User } from '../store/people.ts';
import { parseEmail, parseLogin, parseName } from './details.ts';
import { EMPTY, fields, type Field, type Filled } from './field.ts';
import { markup } from './html.ts';
import { findInvitation, INVITE_PATH } from './invite.ts';
import { csrfField, readPageForm } from './page-form.ts';
import { page } from './page.ts';
import { refusePassword, type Passwords } from './password.ts';
import { openSession } from './session.ts';
import { Tries } from './tries.ts';

const [WRONG_CODES, IN_SECONDS] = [10, 60];
const CODE: Field = { name: 'code', label: 'Code', autocomplete: 'one-time-code', isCode: true };
const FIELDS: readonly Field[] = [
  { name: 'login', label: 'Login', autocomplete: 'username', hint: 'What you will sign in with.' },
  {
    ...{ name: 'password', label: 'Password', type: 'password', autocomplete: 'new-password' },
    hint: 'At least 12 characters. Several words make a good one.',
  },
  { name: 'name', label: 'Name', autocomplete: 'name', isOptional: true },
  { name: 'email', label: 'Email', type: 'email', autocomplete: 'email', isOptional: true },
];

export function firstRun(app: Hono<HttpEnv>, authority: Authority, passwords: Passwords): void {
  const { store, log } = authority;
  const wrongCodes = new Tries(authority.now, WRONG_CODES, IN_SECONDS);

  app.get(INVITE_PATH, (c) => show(c, store.people.hasUsers(), EMPTY));

  app.post(INVITE_PATH, async (c) => {
    const form = await readPageForm(c, null);
    const again = (wrong: Filled['wrong']) =>
      show(c, store.people.hasUsers(), { values: form, wrong }, wrong.code === undefined ? 400 : 403);
    const found = findInvitation(authority, form.code ?? '');
    if (found === undefined) {
      // Wrong ones only: nobody guesses 140 bits, and strangers' tries must not keep out whoever has the right code.
      wrongCodes.take(c, 'code');
      return again({ code: 'This code is wrong, was used, or has ended. Ask for a new one.' });
    }
    const { user, wrong } = readUser(authority, form, found.invitation);
    if (user === undefined) return again(wrong);
    const password = await passwords.hash(form.password!);
    const isMade = store.transaction(() => {
      // Asked again where nothing comes between: while the password was worked on, the code may have been used or ended.
      if (findInvitation(authority, form.code!) === undefined) throw new DAuthError('CONFLICT', USED);
      if (!store.people.addUser(user, password)) return false;
      store.people.takeInvitation(found.id);
      store.audit.note({
        time: user.created_at,
        actor: user.sub,
        asOperator: false,
        action: 'user.add',
        subject: user.sub,
      });
      return true;
    });
    if (!isMade) return again({ login: 'This login belongs to somebody already. Choose another.' });
    log({ event: 'user.add', subject: user.sub, request_id: c.get('requestId') });
    openSession(authority, c, user.sub);
    return c.redirect('/account', 303);
  });
}

const USED = 'This code was used a moment ago. If that was not you, tell whoever runs this installation.';

function show(c: HttpContext, hasUsers: boolean, filled: Filled, status = 200): Response {
  const [title, hint] = hasUsers
    ? ['Accept your invitation', 'The one you were given, with or without its dashes.']
    : ['Set up DAuth', '"dauth start" showed it when it began. It works once.'];
  return page(
    c,
    { title, status },
    markup`<form method="post" action="${INVITE_PATH}">
${csrfField(c, null)}
${fields([{ ...CODE, hint }, ...FIELDS], filled)}
<div class="actions"><button>${hasUsers ? 'Accept' : 'Set up'}</button></div>
</form>`,
  );
}

/** The person that a form describes, or what is wrong with which field. */
function readUser(
  { now }: Authority,
  form: Form,
  { sub, org, role, ...known }: Invitation,
): { user?: User; wrong: Filled['wrong'] } {
  const wrong: Record<string, string> = {};
  const read = <T>(name: string, parse: () => T): T | undefined => {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof DAuthError)) throw error;
      wrong[name] = error.publicMessage;
      return undefined;
    }
  };
  const login = read('login', () => parseLogin(form.login));
  if (login !== undefined && known.login !== null && known.login !== login)
    wrong.login = 'This code is for another login. Type the one you were given with it.';
  const refused = refusePassword(form.password, login ?? '');
  if (refused !== undefined) wrong.password = refused;
  const name = form.name === undefined ? (known.name ?? login) : read('name', () => parseName(form.name));
  const email = form.email === undefined ? known.email : read('email', () => parseEmail(form.email));
  if (Object.keys(wrong).length > 0) return { wrong };
  return { wrong, user: { sub, org, role, login: login!, name: name!, email: email!, created_at: now() } };
}
