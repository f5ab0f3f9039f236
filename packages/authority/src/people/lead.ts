/**
 * The way on after a form, where it may leave our pages: a page that leads on by itself, and by a link. Never a redirect:
 * browsers hold every redirect after a form to the policy of its page, also those of whoever it led to.
 */
import type { HttpContext } from '../http.ts';
import { markup } from './html.ts';
import { page } from './page.ts';

/** @param to a path of ours, or a redirect URI that was checked, in visible ASCII */
export function leadOn(c: HttpContext, title: string, to: string): Response {
  c.header('refresh', `0;url=${to}`);
  return page(c, { title }, markup`<p><a href="${to}">Go on</a></p>`);
}
