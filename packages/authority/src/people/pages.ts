/** All pages of people on one handler, with the bounds they share: what is tried on one counts on the other. */
import type { Hono } from 'hono';
import type { Authority } from '../context.ts';
import type { HttpEnv } from '../http.ts';
import { account } from './account.ts';
import { firstRun } from './first-run.ts';
import { Passwords } from './password.ts';
import { signIn } from './sign-in.ts';
import { style } from './style.ts';
import { Tries } from './tries.ts';

/** Wrong passwords of one login, and the seconds they are counted over: NIST SP 800-63B §5.2.2 wants them few. */
const [WRONG_PASSWORDS, IN_SECONDS] = [10, 600];

export function peoplePages(app: Hono<HttpEnv>, authority: Authority, passwords = new Passwords()): void {
  const tries = new Tries(authority.now, WRONG_PASSWORDS, IN_SECONDS);
  style(app);
  firstRun(app, authority, passwords);
  signIn(app, authority, passwords, tries);
  account(app, authority, passwords, tries);
}
