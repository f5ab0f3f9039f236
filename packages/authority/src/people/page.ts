/**
 * Pages for people: one frame, no script, one stylesheet of ours, and the strictest policy a page with a form can have.
 * Never a value that was not escaped (html.ts), and never a page that another site can frame.
 */
import type { DAuthError, ErrorCode } from '@dauth/protocol';
import { sayWhen, type HttpContext } from '../http.ts';
import { markup, type Html } from './html.ts';
import { STYLE_PATH } from './style.ts';

export interface PageOptions {
  readonly title: string;
  readonly status?: number;
}

/** Forms go home only, and so does whatever redirect follows them (lead.ts). */
const POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

export function page(c: HttpContext, { title, status = 200 }: PageOptions, body: Html): Response {
  c.header('content-security-policy', POLICY);
  // With `no-referrer` a browser would send `Origin: null` with our own forms (Fetch, "append a request Origin header").
  c.header('referrer-policy', 'same-origin');
  c.header('content-type', 'text/html; charset=utf-8');
  return c.body(frame(title, body, c.get('requestId')).toString(), status as 200);
}

function frame(title: string, body: Html, requestId: string): Html {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · DAuth</title>
<link rel="stylesheet" href="${STYLE_PATH}">
</head>
<body>
<header><a href="/account">DAuth</a></header>
<main>
<h1>${title}</h1>
${body}
</main>
<footer><p>Request <code>${requestId}</code></p></footer>
</body>
</html>
`;
}

const TITLES: Readonly<Partial<Record<ErrorCode, string>>> = {
  NOT_FOUND: 'Nothing here',
  FORBIDDEN: 'Not allowed',
  RATE_LIMITED: 'Too many tries',
  UNAUTHENTICATED: 'For programs only',
  METHOD_NOT_ALLOWED: 'Nothing to see here',
  INTERNAL: 'Something went wrong',
};

/** A refusal for a person: the sentence a program would get in a problem document, and the way back. */
export function refusalPage(c: HttpContext, error: DAuthError): Response {
  sayWhen(c, error);
  return page(
    c,
    { title: TITLES[error.code] ?? 'This did not work', status: error.status },
    markup`<p role="alert">${error.publicMessage}</p>
<p><a href="/account">To your account</a></p>`,
  );
}
