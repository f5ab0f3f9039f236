/**
 * Why a rule does not take a request, as the end of a sentence: names of its query and pointers of the rule, and never a value.
 * Decides nothing: what is unmet, the executor's own comparison said.
 */
import { graphqlUnmet, type AllowRule, type Target } from '@dauth/protocol';

const WORDS: Readonly<Record<string, (rule: AllowRule, target: Target) => string>> = Object.freeze({
  __proto__: null as never,
  origin: () => 'it is for another origin',
  methods: () => 'it does not allow this method',
  paths: () => 'none of its paths matches',
  query: ({ query }, target) => sayNames(query, target.query),
  body: ({ body }, target) => sayBodyUnmet(body ?? [], target),
  websocket: () => 'it does not say that a WebSocket may be opened',
  graphql: ({ graphql, query }, target) =>
    target.body === undefined
      ? 'it is for GraphQL: give the body of the request with --body FILE'
      : `of the GraphQL request, ${graphqlUnmet(graphql!, target, query ?? [])}`,
});

const OF_DETAILS: Readonly<Record<string, string>> = Object.freeze({
  __proto__: null as never,
  identifier: 'it is for another connection',
  locations: 'it is for another origin',
  actions: 'none of its actions matches',
});

export function sayUnmet(unmet: readonly string[], rule: AllowRule, target: Target): string {
  return unmet.length === 0 ? 'allowed' : unmet.map((member) => WORDS[member]!(rule, target)).join(', and ');
}

export function sayDetailUnmet(unmet: readonly string[]): string {
  return unmet.length === 0 ? 'allowed' : unmet.map((member) => OF_DETAILS[member]!).join(', and ');
}

function sayNames(listed: readonly string[] | undefined, query: string): string {
  const onBody = 'the query has the name of a member that its conditions are on, and some servers read it there';
  if (listed === undefined) return onBody;
  const names = query
    .slice(1)
    .split(/[&;]/)
    .map((pair) => pair.split('=', 1)[0]!);
  const unlisted = [...new Set(names.filter((name) => !listed.includes(name)))].map((name) => `"${name}"`);
  const repeated = [...new Set(names.filter((name, at) => names.indexOf(name) < at))].map((name) => `"${name}"`);
  const said = [
    ...(unlisted.length === 0 ? [] : [`the query has ${unlisted.join(' and ')}, which it does not list`]),
    ...(repeated.length === 0 ? [] : [`the query has ${repeated.join(' and ')} more than once`]),
  ];
  if (said.length > 0) return said.join(', and ');
  return query.includes(';') ? 'the query has a name that ends at ";" for some servers only' : onBody;
}

function sayBodyUnmet(conditions: NonNullable<AllowRule['body']>, { body }: Target): string {
  if (body === undefined) return 'it has conditions on the body: give the body of the request with --body FILE';
  if (body === null) return 'it has conditions on the body, and the request has none';
  const unmet = conditions.filter((condition) => !body.meets(condition)).map(({ pointer }) => pointer);
  return `the body does not hold what it must at ${unmet.join(' and ')}`;
}
