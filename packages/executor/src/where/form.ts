/**
 * The caller's form, as far as a signature has to do with it: the nonce that some exchanges want inside the body, and what
 * would be a second signature in it.
 * Never guesses: a name that stands twice, in any spelling, would be another value to another reader.
 */
import { bareName, canonicalHeaderName, DAuthError, LIMITS } from '@dauth/protocol';
import { decodedName } from './collision.ts';

type Headers = readonly (readonly [name: string, value: string])[];

const VALUE = /^[A-Za-z0-9._~-]{1,64}$/;

/** @throws DAuthError `INVALID_REQUEST`; `POLICY_DENIED` for a name that is not well encoded */
export function readFormField(body: Uint8Array, name: string): string {
  const text = textOf(body);
  const found = pairsOf(text).filter((pair) => nameOf(pair) === name);
  const value = found[0]?.slice(name.length + 1) ?? '';
  // Behind a ";" it is a field to some servers only.
  const isPlain = found.length === 1 && `&${text}&`.includes(`&${name}=${value}&`);
  if (!isPlain || !VALUE.test(value))
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
  return pairsOf(textOf(body)).some((pair) => nameOf(pair).startsWith('oauth_'));
}

/**
 * What stands between "&", or ";", which some servers take for a separator too.
 * @throws DAuthError `INVALID_REQUEST` for more than can be looked through while others wait
 */
export function pairsOf(text: string): readonly string[] {
  const pairs = text.split(/[&;]/, LIMITS.parameters + 1);
  if (pairs.length > LIMITS.parameters)
    throw new DAuthError(
      'INVALID_REQUEST',
      'A query or form that a credential signs or goes into has at most 1000 parameters.',
    );
  return pairs;
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
}

/** As the most forgiving reader would have it. */
function nameOf(pair: string): string {
  return bareName(decodedName(pair.split('=', 1)[0]!));
}
