/**
 * The comparison of `htu` with where a request really came in (RFC 9449 §4.3 step 9): without query and fragment, after
 * syntax- and scheme-based normalization (RFC 3986 §6.2.2, §6.2.3).
 * Never reads a request: the expected URL comes from configuration, since `Host` is the caller's to choose.
 */

const MAX_LENGTH = 8_192;
/** Printable ASCII without what a WHATWG parser silently repairs: spaces, quotes, `\`, `<`, `>`, `^`, backtick, braces, `|`. */
const URI = /^https?:\/\/[!$-.0-;=@-[\]_a-z~][!#-;=?-[\]_a-z~]*$/i;
/** Userinfo would hide the real host from a reader (RFC 3986 §7.6); no caller has a use for it. */
const USERINFO = /^https?:\/\/[^/]*@/i;
const UNRESERVED = /[A-Za-z0-9._~-]/;

/** The normal form, or `undefined` for what is not an absolute http(s) URI without userinfo. */
export function normalizeHtu(text: string): string | undefined {
  if (text.length > MAX_LENGTH || !URI.test(text)) return undefined;
  const end = text.search(/[?#]/);
  const target = normalizeEscapes(end === -1 ? text : text.slice(0, end));
  if (target === undefined || USERINFO.test(target) || !URL.canParse(target)) return undefined;
  const url = new URL(target);
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Whether a proof's `htu` names one of the URLs at which the request may have come in. */
export function matchesHtu(htu: string, expected: string | readonly string[]): boolean {
  const urls = typeof expected === 'string' ? [expected] : expected;
  // What nearly every client sends; no parsing is needed to see that a text equals itself.
  if (urls.includes(htu)) return true;
  const claimed = normalizeHtu(htu);
  return claimed !== undefined && urls.some((url) => normalizeHtu(url) === claimed);
}

/** RFC 3986 §6.2.2.1–2: uppercase escapes, and no escape where the character may stand for itself. */
function normalizeEscapes(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  return text.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return UNRESERVED.test(character) ? character : escape.toUpperCase();
  });
}
