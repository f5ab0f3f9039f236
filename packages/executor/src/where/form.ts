/**
 * The caller's form, as far as a signature has to do with it: the nonce that some exchanges want inside the body, and what
 * would be a second signature in it.
 * Never guesses: a name that stands twice, in any spelling, would be another value to another reader.
 */
import { canonicalHeaderName, DAuthError } from '@dauth/protocol';

type Headers = readonly (readonly [name: string, value: string])[];

const VALUE = /^[A-Za-z0-9._~-]{1,64}$/;

/** @throws DAuthError `INVALID_REQUEST` */
export function readFormField(body: Uint8Array, name: string): string {
  const found = pairsOf(body).filter((pair) => nameOf(pair) === name);
  const value = found[0]?.slice(name.length + 1) ?? '';
  if (found.length !== 1 || !found[0]!.startsWith(`${name}=`) || !VALUE.test(value))
    throw new DAuthError(
      'INVALID_REQUEST',
      'The body is a form that has the nonce of the signature exactly once: letters, digits, ".", "_", "~" and "-".',
    );
  return value;
}

/** Whether the body is a form (RFC 5849 §3.4.1.3.1): then its parameters are signed with those of the query. */
export function isForm(headers: Headers): boolean {
  return headers.some(
    ([name, value]) =>
      canonicalHeaderName(name) === 'content-type' && /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i.test(value),
  );
}

/** RFC 5849 §3.5.2: protocol parameters may stand in a form, and those of a caller would stand beside ours. */
export function hasOAuthField(body: Uint8Array): boolean {
  return pairsOf(body).some((pair) => nameOf(pair).startsWith('oauth_'));
}

function pairsOf(body: Uint8Array): readonly string[] {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1').split('&');
}

/** As the most forgiving reader would have it. */
function nameOf(pair: string): string {
  const name = pair.split('=', 1)[0]!.replaceAll('+', ' ');
  try {
    return decodeURIComponent(name).trim().toLowerCase();
  } catch {
    return name;
  }
}
