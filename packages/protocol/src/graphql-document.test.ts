/** GraphQL documents against the reference parser: what is taken here is taken there, and means the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Kind, parse, type DocumentNode, type SelectionSetNode } from 'graphql';
import { DAuthError } from './errors.ts';
import { parseGraphqlDocument, type GraphqlOperation } from './graphql-document.ts';

for (const [what, document] of [
  ['nothing', ''],
  ['a comment alone', '# query A { a }'],
  ['a fragment alone', 'fragment F on T { a }'],
  ['a type definition', 'query A { a } type T { a: Int }'],
  ['an extension', 'extend type T { a: Int }'],
  ['an unknown kind of operation', 'remove A { a }'],
  ['an empty selection', 'query A { }'],
  ['an open brace', 'query A { a { b }'],
  ['a brace too many', 'query A { a } }'],
  ['empty arguments', 'query A { a() }'],
  ['two operations of one name', 'query A { a } mutation A { b }'],
  ['an anonymous operation among others', '{ a } mutation B { b }'],
  ['a description', '"what it is" query A { a }'],
  ['two fragments of one name', 'query A { ...F } fragment F on T { a } fragment F on T { b }'],
  ['a fragment that is not there', 'query A { ...F }'],
  ['variables of a fragment', 'query A { ...F } fragment F($a: Int) on T { a }'],
  ['a variable as a default', 'query A($a: Int = $b) { a }'],
  ['a byte order mark', '\ufeffquery A { a }'],
  ['a line end of another reader', '# \u2028 query A { a }\nquery B { b }'],
  ['a control', 'query A { a \u0000 }'],
  ['a lone surrogate', 'query A { a(b: "\ud800") }'],
  ['half of a character in an escape', 'query A { a(b: "\\uD800") }'],
  ['an escape with braces', 'query A { a(b: "\\u{61}") }'],
  ['an unknown escape', 'query A { a(b: "\\x") }'],
  ['a string over two lines', 'query A { a(b: "x\ny") }'],
  ['a block string with a quote', 'query A { a(b: """x" }) } mutation B { b } # """) }'],
  ['a block string with a backslash', 'query A { a(b: """x\\""") } mutation B { b } # """) }'],
  ['a block string and a quote behind it', 'query A { a(b: """x"""") }'],
  ['a number with a letter behind it', 'query A { a(b: [1x]) }'],
  ['a number with zeros in front', 'query A { a(b: 01) }'],
  ['nesting past 64', `query A { a(b: ${'['.repeat(65)}${']'.repeat(65)}) }`],
  ['131,073 characters', `query A { a } #${'x'.repeat(131_058)}`],
] as const) {
  test(`[dispatch.bound] a GraphQL document with ${what} is refused`, () => {
    assert.throws(
      () => parseGraphqlDocument(document),
      (error: unknown) => error instanceof DAuthError && error.code === 'INVALID_REQUEST',
    );
  });
}

test('[dispatch.bound] root fields are found by their names, through aliases and fragments', () => {
  const document = `#import
    query A($id: [ID!]! = ["x", 1, 1.5e3, null, E, {a: {b: []}}] @d(a: true)) @live { viewer: deleteAll(a: $id) @skip(if: true) { x }
      ... on Query { b, ...F } ... @include(if: true) { c } ...F @d }
    fragment F on Query { d ...G ...F }
    fragment G on Query { e { hidden } }
    mutation M { m(a: """
      { not a field }""", b: "} mutation N { n }", c: """""") }`;
  assert.deepEqual(parseGraphqlDocument(document), [
    { type: 'query', name: 'A', fields: ['deleteAll', 'b', 'c', 'd', 'e'] },
    { type: 'mutation', name: 'M', fields: ['m'] },
  ]);
  assert.deepEqual(parseGraphqlDocument('{a}'), [{ type: 'query', name: undefined, fields: ['a'] }]);
});

/** The reference parser's view of the same. */
function oracle(document: DocumentNode): readonly GraphqlOperation[] {
  const fragments = new Map<string, SelectionSetNode>();
  for (const each of document.definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each.selectionSet);
  const fieldsOf = (set: SelectionSetNode, seen: ReadonlySet<string>): string[] =>
    set.selections.flatMap((each) => {
      if (each.kind === Kind.FIELD) return [each.name.value];
      if (each.kind === Kind.INLINE_FRAGMENT) return fieldsOf(each.selectionSet, seen);
      const { value } = each.name;
      return seen.has(value) ? [] : fieldsOf(fragments.get(value)!, new Set([...seen, value]));
    });
  return document.definitions.flatMap((each) =>
    each.kind === Kind.OPERATION_DEFINITION
      ? [
          {
            type: each.operation,
            name: each.name?.value,
            fields: [...new Set(fieldsOf(each.selectionSet, new Set()))].sort(),
          },
        ]
      : [],
  );
}

function ours(document: string): readonly GraphqlOperation[] | undefined {
  try {
    return parseGraphqlDocument(document).map(({ fields, ...rest }) => ({ ...rest, fields: [...fields].sort() }));
  } catch (error) {
    assert.ok(error instanceof DAuthError);
    return undefined;
  }
}

function theirs(document: string): DocumentNode | undefined {
  try {
    return parse(document, { noLocation: true });
  } catch {
    return undefined;
  }
}

const TOKENS = [
  ...[
    'query',
    'mutation',
    'subscription',
    'fragment',
    'on',
    'A',
    'B',
    'F',
    'a',
    '{',
    '}',
    '{',
    '}',
    '(',
    ')',
    ':',
    '$',
  ],
  ...['@', '=', '!', '[', ']', '...', '...F', '|', '&', '"', '""', '"""', '\\', '\\"', '#', '\n', '\r', ',', ' ', '1'],
  ...['-1.5', '"x"', '"""x"""', '\ufeff', '\u2028', '{a}', '(a:1)', 'query A{a}', 'mutation B{b}', '\\u0022', 'true'],
];

test('[dispatch.bound] whatever is taken of random tokens is taken by the reference parser, and means the same', () => {
  let taken = 0;
  const soup = fc.array(fc.constantFrom(...TOKENS), { minLength: 1, maxLength: 14 });
  fc.assert(
    fc.property(soup, fc.constantFrom('', ' '), (tokens, between) => {
      const document = tokens.join(between);
      const read = ours(document);
      if (read === undefined) return;
      taken++;
      const other = theirs(document);
      assert.ok(other !== undefined, document);
      assert.deepEqual(read, oracle(other));
    }),
    { numRuns: 10_000 },
  );
  assert.ok(taken > 30, `only ${taken} were taken`);
});

const { document } = fc.letrec<Record<string, string>>((tie) => {
  const name = fc.constantFrom('a', 'b', 'on', 'query', 'fragment', '_x1', 'null');
  const join = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((each) => each.join(' '));
  const maybe = (part: fc.Arbitrary<string>) => fc.oneof({ depthSize: 'small' }, fc.constant(''), part);
  const many = (part: fc.Arbitrary<string>, minLength = 1) =>
    fc.array(part, { minLength, maxLength: 3 }).map((each) => each.join(' , '));
  const [t, open, close] = [fc.constant, fc.constant('{'), fc.constant('}')] as const;
  const leaf = fc.constantFrom('1', '-0.5e+3', '"}{"', '"\\" # "', '"""} \n #"""', '""', 'true', 'E');
  const scalar = (isConst: boolean) => (isConst ? leaf : fc.oneof(leaf, t('$v')));
  const value = (isConst: boolean) => {
    const own = isConst ? 'constant' : 'value';
    const inside = tie(own);
    return fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      scalar(isConst),
      join(t('['), many(inside, 0), t(']')),
      join(open, many(join(name, t(':'), inside), 0), close),
    );
  };
  const given = (isConst: boolean) =>
    maybe(join(t('('), many(join(name, t(':'), tie(isConst ? 'constant' : 'value'))), t(')')));
  const directives = (isConst: boolean) => maybe(many(join(t('@d'), given(isConst))));
  const type = fc.constantFrom('T', 'T!', '[T]', '[[T!]]!');
  const variable = join(t('$v:'), type, maybe(join(t('='), tie('constant'))), directives(true));
  const spread = fc.constantFrom('...F', '...F @d', '...G');
  return {
    value: value(false),
    constant: value(true),
    field: join(name, maybe(join(t(':'), name)), given(false), directives(false), maybe(tie('set'))),
    inline: join(t('...'), maybe(t('on T')), directives(false), tie('set')),
    set: join(
      open,
      many(fc.oneof({ depthSize: 'small', withCrossShrink: true }, tie('field'), spread, tie('inline'))),
      close,
    ),
    operation: join(
      fc.constantFrom('query', 'mutation', 'subscription'),
      maybe(t('Named')),
      maybe(join(t('('), many(variable), t(')'))),
      directives(false),
      tie('set'),
    ),
    document: join(
      fc.oneof(tie('operation'), tie('set')),
      join(t('# {\nfragment F on T'), directives(false), tie('set')),
      join(t('fragment G on T'), tie('set')),
    ),
  };
});

test('[dispatch.bound] documents by the grammar are taken, and mean what they mean to the reference parser', () => {
  fc.assert(
    fc.property(document!, (text) => {
      const read = ours(text);
      const other = theirs(text);
      assert.ok(other !== undefined, text);
      assert.deepEqual(read, oracle(other), text);
    }),
    { numRuns: 500 },
  );
});

test('[dispatch.bound] documents that somebody cut, doubled or mixed are refused, or mean the same', () => {
  const edit = fc.tuple(fc.nat(400), fc.nat(12), fc.constantFrom(...TOKENS, ''));
  fc.assert(
    fc.property(document!, fc.array(edit, { minLength: 1, maxLength: 3 }), (text, edits) => {
      const changed = edits.reduce((at, [start, length, put]) => {
        const from = start % (at.length + 1);
        return at.slice(0, from) + put + at.slice(from + length);
      }, text);
      const read = ours(changed);
      if (read !== undefined) assert.deepEqual(read, oracle(theirs(changed)!), changed);
    }),
    { numRuns: 1_000 },
  );
});
