/** What is known of a person, as it is typed: login, name, email. Each has one spelling; a wrong one is a sentence. */
import { DAuthError, text } from '@dauth/protocol';

const LOGIN = /^[a-z0-9][a-z0-9._@+-]{0,63}$/;
const EMAIL = /^[^\s@<>"]{1,64}@[^\s@<>"]{1,189}$/;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseLogin(value: unknown): string {
  const login = foldLogin(text(value, 'The login', 256));
  if (LOGIN.test(login)) return login;
  throw new DAuthError(
    'INVALID_REQUEST',
    'A login is 1 to 64 letters a to z, digits, and . _ @ + -, and begins with a letter or digit.',
  );
}

/** Capitals and the width of letters make no other person. */
export function foldLogin(value: string): string {
  return value.normalize('NFKC').trim().toLowerCase();
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseName(value: unknown): string {
  return text(value, 'The name', 128);
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseEmail(value: unknown): string {
  const email = text(value, 'The email address', 254);
  if (!EMAIL.test(email)) throw new DAuthError('INVALID_REQUEST', 'An email address is written name@example.org.');
  return email;
}
