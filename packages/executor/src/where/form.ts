/**
 * One value of the caller's form, for a signature that has it: the nonce that some exchanges want inside the body.
 * Never guesses: a name that stands twice, in any spelling, would be another value to another reader.
 */
import { DAuthError } from '@dauth/protocol';

const VALUE = /^[A-Za-z0-9._~-]{1,64}$/;

/** @throws DAuthError `INVALID_REQUEST` */
export function readFormField(body: Uint8Array, name: string): string {
  const pairs = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1').split('&');
  const found = pairs.filter((pair) => nameOf(pair) === name);
  const value = found[0]?.slice(name.length + 1) ?? '';
  if (found.length !== 1 || !found[0]!.startsWith(`${name}=`) || !VALUE.test(value))
    throw new DAuthError(
      'INVALID_REQUEST',
      'The body is a form that has the nonce of the signature exactly once: letters, digits, ".", "_", "~" and "-".',
    );
  return value;
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
