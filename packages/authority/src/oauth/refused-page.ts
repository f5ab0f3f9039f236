/**
 * A refusal for an app that no operator registered: said to the person, with the way back as a link. Never a redirect by
 * itself, or every link to this authority could be one to wherever somebody published a document (RFC 9700 §4.11.2).
 */
import type { HttpContext } from '../http.ts';
import { markup } from '../people/html.ts';
import { page } from '../people/page.ts';
import type { Client } from '../store/registry.ts';
import type { OAuthError } from './errors.ts';
import type { Returning } from './redirect.ts';

/** @param back the answer that the app would get */
export function refusedPage(
  c: HttpContext,
  { name }: Client,
  { redirect_uri }: Returning,
  { description }: OAuthError,
  back: string,
): Response {
  return page(
    c,
    { title: 'This did not work', status: 400 },
    markup`<p role="alert">${description}</p>
<p>The app that asked calls itself <strong><bdi>${name}</bdi></strong>, and nobody here vouches for it. Go back only if you were there a moment ago: <a href="${back}">to <code>${redirect_uri}</code></a></p>`,
  );
}
