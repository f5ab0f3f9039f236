/** Defences of `authority`: who is signed in, and whose forms are taken, each with the test that must miss it. Data only; see mutant.ts. */
import { of as ofPackage, type Mutant, type Row } from '../mutant.ts';

const of = (source: string, test: string, rows: readonly Row[]): readonly Mutant[] =>
  ofPackage('authority', `people/${source}`, `packages/authority/dist/people/${test}.test.js`, rows);
const row = (find: string, replace: string, name: string): Row => ['person.asked', find, replace, name];

const PAGE: readonly Mutant[] = of('page', 'session', [
  row(
    "frame-ancestors 'none'; base-uri",
    'base-uri',
    'a page has no script, cannot be framed, sends forms home only, and escapes what it shows',
  ),
]);

const SESSION: readonly Mutant[] = of('session', 'session', [
  row(
    'stored.expires_at <= now || ',
    '',
    'a session ends an hour after its last page and twelve hours after its sign-in',
  ),
  row(' || stored.seen_at + IDLE <= now', '', 'a session is idle from its hour on, to the second'),
  [
    'revoke.fast',
    ' || store.changes.isAnyRevoked({ owner: user.sub, org: user.org })',
    '',
    '[revoke.fast] after a revoked owner nobody of it is signed in any more',
  ],
  row(
    '    forget(authority, c);\n    const times',
    '    const times',
    'a sign-in makes a fresh id and ends the one before: what was planted is worth nothing',
  ),
  row(
    "const secret = randomBytes(32).toString('base64url');",
    "const secret = readCookie(c, COOKIE) ?? randomBytes(32).toString('base64url');",
    'a sign-in makes a fresh id and ends the one before: what was planted is worth nothing',
  ),
  row(
    'store.people.addSession(sha256Base64url(secret)',
    'store.people.addSession(secret',
    'the store holds the SHA-256 of a session id, and a sign-out ends it there',
  ),
  row(
    '  forget(authority, c);\n  writeCookie',
    '  void authority;\n  writeCookie',
    'the store holds the SHA-256 of a session id, and a sign-out ends it there',
  ),
  row(
    'if (value === undefined || !LOCAL.test(value)) return undefined;',
    "if (value === undefined || LOCAL.test('')) return undefined;",
    'the way back from the sign-in page is a path of ours, whatever a link says',
  ),
]);

const FORMS: readonly Mutant[] = of('page-form', 'session', [
  row(
    '  if (isFromHere) return;',
    '  if (isFromHere || isFromHere === false) return;',
    'a form of a person who is signed in is refused from another site',
  ),
  row(
    "c.req.header('sec-fetch-site') === 'same-origin'",
    'true',
    'a form before a sign-in is refused from another site',
  ),
  row(
    '!equalSecret(form.csrf, wanted)',
    "equalSecret(form.csrf, '')",
    'a form of a person who is signed in is refused without the word of its own page',
  ),
  row(
    'cookie === undefined ? undefined : csrfOf(cookie)',
    'cookie === undefined ? form.csrf : csrfOf(cookie)',
    'a form before a sign-in is refused without the word of its own page',
  ),
]);

const FIRST_RUN: readonly Mutant[] = [
  ...of('first-run', 'first-run', [
    row(
      "      wrongCodes.take(c, 'code');",
      "      if (form.code === '') wrongCodes.take(c, 'code');",
      'after ten wrong codes in a minute another wrong one waits, and the right one never does',
    ),
    row(
      "const found = findInvitation(authority, form.code ?? '');",
      "wrongCodes.take(c, 'code');\n    const found = findInvitation(authority, form.code ?? '');",
      'after ten wrong codes in a minute another wrong one waits, and the right one never does',
    ),
    row(
      '      store.people.takeInvitation(found.id);\n',
      '',
      'the first code makes the owner "operator" an admin, signs in, and works once',
    ),
    row(
      "if (findInvitation(authority, form.code!) === undefined) throw new DAuthError('CONFLICT', USED);",
      "if (form.code === '') throw new DAuthError('CONFLICT', USED);",
      'one code used twice at the same moment makes one person',
    ),
  ]),
  ...of('invite', 'first-run', [
    row(
      'store.people.addInvitation(digest(code)',
      'store.people.addInvitation(code',
      'the first code makes the owner "operator" an admin, signs in, and works once',
    ),
    row(
      'if (store.people.hasUsers()) return undefined;',
      '',
      'the first code makes the owner "operator" an admin, signs in, and works once',
    ),
    row(
      'invitation !== undefined && !store.changes.isAnyRevoked({ owner: invitation.sub, org: invitation.org })',
      'invitation !== undefined',
      'a revoked operator sets nothing up',
    ),
  ]),
];

const SIGN_IN: readonly Mutant[] = [
  ...of('sign-in', 'sign-in', [
    row(
      'tries.take(c, key);',
      'tries.take(c, key + authority.newId());',
      'ten wrong passwords stop a login for ten minutes, known or not, also at the same moment, and nobody else',
    ),
    row(
      'const next = localPath(c, form.next)',
      'const next = form.next',
      'a person leads back to where they came from, and nowhere else',
    ),
    [
      'revoke.fast',
      'if (store.changes.isAnyRevoked({ owner: sub, org }))',
      "if (org === '')",
      '[revoke.fast] a revoked person does not sign in any more',
    ],
    row(
      '      await readPageForm(c, session);\n      closeSession',
      '      closeSession',
      'a sign-out ends the session, needs the form of a page, and works for nobody too',
    ),
    row(
      'if (authority.store.people.login(login)?.password !== known?.password) return undefined;',
      '',
      'a password changed while the old one is looked at is the only one that works',
    ),
  ]),
  ...of('password', 'password', [
    row(' && stored !== undefined', '', 'for somebody who is not there the same work is done, and it opens nothing'),
    row(
      'if (this.#running < AT_ONCE) this.#running++;',
      'if (this.#running < AT_ONCE * WAITING) this.#running++;',
      'two passwords are worked on at once, in turn, and who would wait behind 32 others is told to come back',
    ),
    row(
      'const salt = randomBytes(SALT);',
      'const salt = Buffer.alloc(SALT);\n    void randomBytes;',
      'the salt is fresh for each password',
    ),
  ]),
];

const TRIES: readonly Mutant[] = of('tries', 'tries', [
  row(
    'if (this.#ends[place]! <= now) {',
    'if (this.#ends[place]! <= now || this.#counts[place]! >= this.#most) {',
    'tries at any number of others give nobody theirs back before the window ends',
  ),
]);

const ACCOUNT: readonly Mutant[] = of('account', 'account', [
  row(
    "${index > 0 && ', '}<bdi>${each}</bdi>",
    "${index > 0 && ', '}${each}",
    'a name that turns the direction of writing around turns nothing of the page around',
  ),
  row(
    'if (grant === undefined || !isOwn(grant, session))',
    'if (grant === undefined)',
    "somebody else's grant, another organisation's, the operator's own and none are one answer",
  ),
  [
    'revoke.fast',
    "if (needSession(authority, c).sub !== session.sub) throw new DAuthError('FORBIDDEN');",
    '',
    '[revoke.fast] a person revoked while their form comes in changes nothing any more',
  ],
  row(
    'if (sub !== session.sub) return again',
    "if (sub === '') return again",
    'a new password needs the current one, takes its place, and ends every other session',
  ),
  row(
    '      // Whoever knew the old password is out.\n      store.people.endSessions(session.sub);\n',
    '',
    'a new password needs the current one, takes its place, and ends every other session',
  ),
]);

export const PEOPLE: readonly Mutant[] = [
  ...PAGE,
  ...SESSION,
  ...FORMS,
  ...FIRST_RUN,
  ...SIGN_IN,
  ...TRIES,
  ...ACCOUNT,
];
