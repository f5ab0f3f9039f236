/** Defences of a person's sign-in on the command line, in `client` and `cli`. Data only; see mutant.ts. */
import { of, type Mutant, type Row } from './mutant.ts';

const row = (find: string, replace: string, name: string): Row => ['token.bound', find, replace, name];
const asked = (find: string, replace: string, name: string): Row => ['person.asked', find, replace, name];

const DEVICE = 'packages/client/dist/device.test.js';
const SESSION = 'packages/cli/dist/session.test.js';
const REFUSED = '[token.bound] a refused refresh token is removed; an authority that is down, or unclear, leaves it';
const NOT_USED =
  '[token.bound] a sign-in that others could read, is broken, or is of another key is not used, and nothing is asked';

export const LOGIN: readonly Mutant[] = [
  ...of('client', 'device', DEVICE, [
    asked(
      'url?.origin === new URL(issuer).origin && url.username',
      "url !== undefined && issuer !== '' && url.username",
      '[person.asked] a person is led to the authority, and to no other site',
    ),
    asked(
      '|| !USER_CODE.test(userCode))',
      "|| USER_CODE.test(''))",
      'a code that a person could not type, or a terminal would obey, is not shown',
    ),
    asked('pause += SLOWER;', 'pause += SLOWER - SLOWER;', 'slow_down adds five seconds each time, and for good'),
    asked(
      '? failures + 1 : 0;',
      '? failures : 0;',
      'a network that fails, and an authority that is down, is asked half as often each time, until it is back',
    ),
    asked(
      'Math.max(SHORTEST, interval)',
      'Math.max(SHORTEST - 1, interval)',
      'without an interval it is five seconds, and never less than one',
    ),
  ]),
  ...of('client', 'sign-in', DEVICE, [
    row(
      '|| !REFRESH_TOKEN.test(refreshToken))',
      "|| REFRESH_TOKEN.test(''))",
      '[token.bound] a token without the key, and one that nothing can renew, is no sign-in',
    ),
  ]),
  ...of('cli', 'session', SESSION, [
    row(
      'refresh_token: renewed.refreshToken',
      'refresh_token: login.refresh_token',
      '[token.bound] the next refresh token is on the disk before the token it came with is used',
    ),
    row("error.oauthError === 'invalid_grant'))", "error.oauthError !== ''))", REFUSED),
    row('if (login.jkt !== key.jkt)', "if (login.jkt === '')", NOT_USED),
    row(
      'flags.authority !== issuer)',
      "flags.authority === '')",
      'the sign-in goes to its own authority, also where a command names another',
    ),
  ]),
  ...of('cli', 'login', SESSION, [
    asked(
      'if (process.stderr.isTTY) return;',
      'if (process.stderr.isTTY !== false) return;',
      '[person.asked] without a terminal no code is shown, none is asked for, and nothing is left behind',
    ),
    row(
      '  dropLogin(home);\n  if (failure === undefined) return known;',
      '  if (failure === undefined) {\n    dropLogin(home);\n    return known;\n  }',
      '[token.bound] whatever the authority answers, a logout leaves no refresh token behind, and says what it did',
    ),
    row(
      '    await endSignIn(of, refreshToken).catch(() => undefined);\n',
      '',
      '[token.bound] a sign-in that could not be written down is given back, and none is left here',
    ),
  ]),
  ...of('cli', 'lock', SESSION, [
    row(
      'if (createDurably(path, mine, 0o600)) return mine;',
      "if (createDurably(path, mine, 0o600) || mine !== '') return mine;",
      'one command holds the sign-in at a time, also where they all find what a dead one left',
    ),
    row(
      'if (pid === undefined) return false;',
      'if (pid === undefined) return true;',
      'a lock that somebody lives with, or that nobody can read, is not taken',
    ),
  ]),
];
