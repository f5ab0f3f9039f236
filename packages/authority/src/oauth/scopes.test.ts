/**
 * What a token's scopes are, against an oracle of bits: each party is a number, each scope one of its bits, and a token has the
 * bits that all of them have. Words that resemble each other are different bits, whatever a comparison of texts would say.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { narrowScopes } from './consented.ts';
import { OAuthError } from './errors.ts';
import { meetScopes } from './federated.ts';
import type { Client } from '../store/registry.ts';

const WORDS = [
  ...['mcp:read', 'mcp:reads', 'mcp', 'MCP:READ', 'mcp:read:all', 'mcp:*', '*', 'profile', 'email'],
  ...['__proto__', 'constructor', 'toString', 'offline_access', 'dauth:admin'],
];
const OFFLINE = 1 << WORDS.indexOf('offline_access');
/** What a request may name beside them. */
const STRANGE = ['', 'mcp:write', 'mcp:read,mcp', 'mcp:read\t', 'mcp:rea'];

const bits = fc.nat({ max: (1 << WORDS.length) - 1 });
/** A request's own words in its own order, twice where it likes. */
const asked = fc.option(fc.array(fc.constantFrom(...WORDS, ...STRANGE), { minLength: 1, maxLength: 12 }), {
  nil: undefined,
  freq: 4,
});

const wordsOf = (set: number): string[] => WORDS.filter((_, bit) => (set >> bit) % 2 === 1);
/** The bits of a list; a word that is no bit, or one that stands there twice, is a failure. */
function bitsOf(words: readonly string[]): number {
  let set = 0;
  for (const word of words) {
    const bit = WORDS.indexOf(word);
    assert.ok(bit >= 0 && (set >> bit) % 2 === 0, `${word} in ${words.join(' ')}`);
    set += 2 ** bit;
  }
  return set;
}
const known = (words: readonly string[]): number => bitsOf(WORDS.filter((word) => words.includes(word)));
const refused = (error: unknown): boolean => error instanceof OAuthError && error.code === 'invalid_scope';

test('[token.bound] what is asserted, offered, registered and asked for is met in what all of them have, and nothing else', () => {
  const run = fc.check(
    fc.property(bits, bits, fc.option(bits), asked, (allowed, offered, registered, words) => {
      const client = { scopes: registered === null ? null : wordsOf(registered) } as Client;
      const scope = meetScopes(client, wordsOf(offered), wordsOf(allowed), words?.join(' '));
      const wanted = words === undefined ? allowed : known(words);
      assert.equal(bitsOf(scope), wanted & allowed & offered & (registered ?? -1));
    }),
    { numRuns: 5_000 },
  );
  assert.equal(run.failed, false, fc.defaultReportMessage(run));
});

test('[token.bound] what was consented to is narrowed to what is asked for, and a word more is refused', () => {
  const run = fc.check(
    fc.property(bits, asked, (given, words) => {
      const narrow = (): readonly string[] => narrowScopes(wordsOf(given), words?.join(' '));
      if (words === undefined) return assert.equal(bitsOf(narrow()), given);
      const wanted = known(words) & ~OFFLINE;
      const isStrange = words.some((word) => STRANGE.includes(word));
      if (isStrange || (wanted | given) !== given) return assert.throws(narrow, refused);
      assert.equal(bitsOf(narrow()), wanted);
    }),
    { numRuns: 5_000 },
  );
  assert.equal(run.failed, false, fc.defaultReportMessage(run));
});

test('a token has 64 scopes and not one more', () => {
  const client = { scopes: null } as Client;
  const many = Array.from({ length: 65 }, (_, i) => `s${i}`);
  assert.equal(meetScopes(client, many, many.slice(1), undefined).length, 64);
  assert.throws(() => meetScopes(client, many, many, undefined), refused);
});
