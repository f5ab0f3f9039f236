/**
 * The tokens of a GraphQL document (GraphQL September 2025, §2.1). Stricter than the specification: what readers of different
 * age take apart in different ways is no token here. Never decodes a string: what stands in one decides nothing.
 */
import { refuse } from './shape.ts';

export type GraphqlTokenKind = 'mark' | 'name' | 'number' | 'string';

export interface GraphqlToken {
  readonly kind: GraphqlTokenKind;
  /** As it stands in the document. */
  readonly text: string;
}

/**
 * Controls, and what early drafts of GraphQL took for the end of a line (U+2028, U+2029): a comment would end earlier for one
 * reader than for another one. A byte order mark is white space to some only.
 */
// oxlint-disable-next-line no-control-regex -- controls are what this refuses
const FOREIGN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\ufeff]/;

/** §2.1.2 to 2.1.7: white space, line ends, commas and comments. */
const IGNORED = /(?:[ \t\n\r,]+|#[^\n\r]*)*/y;
const TOKENS: readonly (readonly [GraphqlTokenKind, RegExp])[] = [
  ['mark', /\.\.\.|[!$&():=@[\]{|}]/y],
  ['name', /[A-Z_a-z][0-9A-Z_a-z]*/y],
  // §2.9.1 and 2: what follows a number is neither a digit, a dot nor a letter.
  ['number', /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][+-]?[0-9]+)?(?![.0-9A-Z_a-z])/y],
  // Servers from before block strings (June 2018) read three strings: without quotes and backslashes inside, neither of both
  // readers ends them elsewhere.
  ['string', /"""[^"\\]*"""(?!")/y],
  // No escaped halves of a character: readers differ on those that have no other half.
  ['string', /"(?!"")(?:[^"\\\n\r]|\\(?:["\\/bfnrt]|u(?![Dd][89A-Fa-f])[0-9A-Fa-f]{4}))*"/y],
];

/** @throws DAuthError `INVALID_REQUEST` */
export function readGraphqlTokens(document: string): readonly GraphqlToken[] {
  if (FOREIGN.test(document) || !document.isWellFormed()) return malformed();
  const tokens: GraphqlToken[] = [];
  let at = skip(document, 0);
  while (at < document.length) {
    const token = readToken(document, at);
    tokens.push(token);
    at = skip(document, at + token.text.length);
  }
  return tokens;
}

function readToken(document: string, at: number): GraphqlToken {
  for (const [kind, pattern] of TOKENS) {
    pattern.lastIndex = at;
    const text = pattern.exec(document)?.[0];
    if (text !== undefined) return { kind, text };
  }
  return malformed();
}

function skip(document: string, at: number): number {
  IGNORED.lastIndex = at;
  return at + IGNORED.exec(document)![0].length;
}

export function malformed(): never {
  return refuse('A GraphQL document cannot be read, or has something that not every server reads alike.');
}
