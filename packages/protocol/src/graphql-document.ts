/**
 * What the operations of a GraphQL document are (GraphQL September 2025, §2.2 to 2.12): type, name and root fields. Reads the
 * whole grammar of executable documents and nothing beyond. Never says which operation a server would run: each of them may be it.
 */
import { malformed, readGraphqlTokens, type GraphqlToken, type GraphqlTokenKind } from './graphql-lexer.ts';
import { LIMITS } from './limits.ts';
import { refuse } from './shape.ts';

export type GraphqlOperationType = 'query' | 'mutation' | 'subscription';

export interface GraphqlOperation {
  readonly type: GraphqlOperationType;
  /** Undefined where it is anonymous. */
  readonly name: string | undefined;
  /** Fields of the root, by their names and not by their aliases; those in fragments too. */
  readonly fields: readonly string[];
}

export const GRAPHQL_OPERATIONS: readonly GraphqlOperationType[] = ['query', 'mutation', 'subscription'];

/** Deeper nesting than this has no use; reading goes down into each level. */
const MAX_DEPTH = 64;

/** @throws DAuthError `INVALID_REQUEST`, for what a server may read differently too */
export function parseGraphqlDocument(document: string): readonly GraphqlOperation[] {
  if (document.length > LIMITS.graphqlDocument)
    refuse(`A GraphQL document has more than ${LIMITS.graphqlDocument} characters.`);
  const reader = new Reader(readGraphqlTokens(document));
  const operations: (Omit<GraphqlOperation, 'fields'> & { readonly root: Root })[] = [];
  const fragments = new Map<string, Root>();
  do {
    if (reader.sees('mark', '{')) operations.push({ type: 'query', name: undefined, root: reader.selections(0) });
    else if (reader.takes('name', 'fragment')) {
      const name = reader.name();
      if (name === 'on' || fragments.has(name)) malformed();
      reader.expect('name', 'on');
      reader.name();
      reader.directives(0);
      fragments.set(name, reader.selections(0));
    } else {
      const word = reader.name();
      const type = GRAPHQL_OPERATIONS.find((each) => each === word) ?? malformed();
      const name = reader.sees('name') ? reader.name() : undefined;
      reader.variables();
      reader.directives(0);
      operations.push({ type, name, root: reader.selections(0) });
    }
  } while (!reader.ended);
  // §5.2.1 and 5.2.2: of two with one name, and of an anonymous one among others, servers take the first, the last or none.
  if (operations.length === 0) refuse('A GraphQL document has no operation.');
  const names = operations.map(({ name }) => name);
  if (new Set(names).size !== names.length || (names.length > 1 && names.includes(undefined))) malformed();
  return operations.map(({ root, ...operation }) => ({ ...operation, fields: rootFields(root, fragments) }));
}

/** What stands in a selection set at the root, inline fragments taken apart. */
interface Root {
  readonly fields: string[];
  readonly spreads: string[];
}

function rootFields(root: Root, fragments: ReadonlyMap<string, Root>): readonly string[] {
  const fields = new Set(root.fields);
  // A set is walked through with what is added meanwhile, and each fragment is in it once.
  const spreads = new Set(root.spreads);
  for (const spread of spreads) {
    const fragment = fragments.get(spread) ?? malformed();
    for (const field of fragment.fields) fields.add(field);
    for (const next of fragment.spreads) spreads.add(next);
  }
  return [...fields];
}

class Reader {
  readonly #tokens: readonly GraphqlToken[];
  #at = 0;

  constructor(tokens: readonly GraphqlToken[]) {
    this.#tokens = tokens;
  }

  get ended(): boolean {
    return this.#at === this.#tokens.length;
  }

  sees(kind: GraphqlTokenKind, text?: string): boolean {
    const token = this.#tokens[this.#at];
    return token?.kind === kind && (text === undefined || token.text === text);
  }

  takes(kind: GraphqlTokenKind, text?: string): boolean {
    const isThere = this.sees(kind, text);
    if (isThere) this.#at++;
    return isThere;
  }

  expect(kind: GraphqlTokenKind, text?: string): string {
    if (!this.takes(kind, text)) malformed();
    return this.#tokens[this.#at - 1]!.text;
  }

  name(): string {
    return this.expect('name');
  }

  /** §2.10: `($id: ID! = 1 @x)`, or nothing. */
  variables(): void {
    if (!this.takes('mark', '(')) return;
    do {
      this.expect('mark', '$');
      this.name();
      this.expect('mark', ':');
      this.#type(0);
      if (this.takes('mark', '=')) this.#value(0, true);
      this.directives(0, true);
    } while (!this.takes('mark', ')'));
  }

  /** §2.12, each with its arguments. */
  directives(depth: number, isConst = false): void {
    while (this.takes('mark', '@')) {
      this.name();
      this.#arguments(depth, isConst);
    }
  }

  /** §2.4, braces included. */
  selections(depth: number): Root {
    const deeper = nest(depth);
    const root: Root = { fields: [], spreads: [] };
    this.expect('mark', '{');
    do {
      if (this.takes('mark', '...')) this.#fragment(root, deeper);
      else this.#field(root, deeper);
    } while (!this.takes('mark', '}'));
    return root;
  }

  #field(root: Root, depth: number): void {
    const first = this.name();
    root.fields.push(this.takes('mark', ':') ? this.name() : first);
    this.#arguments(depth, false);
    this.directives(depth);
    if (this.sees('mark', '{')) this.selections(depth);
  }

  /** §2.8: a spread, or an inline fragment with or without a type. */
  #fragment(root: Root, depth: number): void {
    if (this.sees('name') && !this.sees('name', 'on')) {
      root.spreads.push(this.name());
      this.directives(depth);
      return;
    }
    if (this.takes('name', 'on')) this.name();
    this.directives(depth);
    const inside = this.selections(depth);
    root.fields.push(...inside.fields);
    root.spreads.push(...inside.spreads);
  }

  #arguments(depth: number, isConst: boolean): void {
    if (!this.takes('mark', '(')) return;
    do this.#member(depth, isConst);
    while (!this.takes('mark', ')'));
  }

  #member(depth: number, isConst: boolean): void {
    this.name();
    this.expect('mark', ':');
    this.#value(depth, isConst);
  }

  #value(depth: number, isConst: boolean): void {
    const deeper = nest(depth);
    if (this.takes('mark', '[')) while (!this.takes('mark', ']')) this.#value(deeper, isConst);
    else if (this.takes('mark', '{')) while (!this.takes('mark', '}')) this.#member(deeper, isConst);
    else if (this.takes('mark', '$')) {
      if (isConst) malformed();
      this.name();
    } else if (!this.takes('name') && !this.takes('number')) this.expect('string');
  }

  #type(depth: number): void {
    if (this.takes('mark', '[')) {
      this.#type(nest(depth));
      this.expect('mark', ']');
    } else this.name();
    this.takes('mark', '!');
  }
}

function nest(depth: number): number {
  if (depth === MAX_DEPTH) refuse('A GraphQL document is nested too deeply.');
  return depth + 1;
}
