/**
 * The password of a database, from the opened credential to what a server is shown of it (spec/dauth.md §2.7).
 * Never shown as it is, and never used where an answer could not be searched for it.
 */
import { injectedFields, LIMITS, type Postgres } from '@dauth/protocol';
import { readFields } from './fields.ts';
import { HEADER_OCTET, unfit } from './fill.ts';
import { assertFindable } from './inject.ts';
import { ownedConcat, wipe } from './memory.ts';
import type { Plaintext } from './plaintext.ts';

/** What is made of a password: the message, and what could stand in an answer. Owned memory throughout. */
export interface Shown {
  readonly message: Buffer;
  readonly made: readonly Buffer[];
}

/**
 * Lends the password to whoever proves it. Whoever takes the result zeroes it.
 * @returns what was made, and all that answers have to be searched for
 * @throws DAuthError `POLICY_DENIED`, `DECRYPTION_FAILED`
 */
export function showPassword<T extends Shown>(
  plaintext: Plaintext,
  login: Postgres,
  prove: (password: Buffer) => T,
): { readonly shown: T; readonly secrets: readonly Buffer[] } {
  return plaintext.lend((bytes) => {
    const [name] = injectedFields([login]);
    const password = readFields(bytes, new Set([name!])).get(name!)!;
    assertFindable(password);
    // A session cannot be held until it ends, so nothing that could be guessed by the place of its stars (§5.3).
    if (password.length < LIMITS.guessableValue) throw unfit('is too short for a password of a database');
    if (!password.every(HEADER_OCTET)) throw unfit('has characters that a password of a database cannot have here');
    const secrets = [ownedConcat(password)];
    try {
      const shown = prove(password);
      return { shown, secrets: [...secrets, ...shown.made] };
    } catch (error) {
      wipe(...secrets);
      throw error;
    }
  });
}
