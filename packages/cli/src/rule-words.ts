/** A rule in words, for whoever seals it or asks about it. Never a value of a request. */
import type { AllowRule, BodyCondition, ConnectionLimits, EnvelopePolicy, GraphqlRule } from '@dauth/protocol';

/** What a rule says of a request's body. */
export function sayBody(conditions: readonly BodyCondition[] | undefined): string {
  if (conditions === undefined) return 'with any body';
  return `only with a JSON body where ${conditions.map(sayCondition).join(' and ')}`;
}

function sayCondition(condition: BodyCondition): string {
  if ('absent' in condition) return `${condition.pointer} is absent`;
  const taken = 'equals' in condition ? [condition.equals] : condition.one_of;
  return `${condition.pointer} is ${taken.map((scalar) => JSON.stringify(scalar)).join(' or ')}`;
}

/** What a rule says of a GraphQL request. */
export function sayGraphql({ operations, names, fields, anonymous }: GraphqlRule): string {
  const named = names === undefined ? '' : ` named ${names.join(' ')}`;
  const nameless = anonymous === true ? ', or without a name' : '';
  const rooted = fields === undefined ? '' : `, of the root fields ${fields.join(' ')}`;
  return `only with a GraphQL ${operations.join(' or ')}${named}${nameless}${rooted}`;
}

/** What a rule says of a request's query. */
export function sayQuery(names: readonly string[] | undefined): string {
  if (names === undefined) return 'with any query';
  return names.length === 0 ? 'without a query' : `with no other query than ${names.join(' ')}`;
}

/** All that a rule says, by its members. */
export function sayRule({
  origin,
  methods,
  paths,
  query,
  body,
  graphql,
  websocket,
}: AllowRule): readonly (readonly [string, string])[] {
  return [
    ...([
      ['origin', origin],
      ['methods', methods.join(' ')],
      ['paths', paths.join(' ')],
    ] as const),
    ...([
      ['query', sayQuery(query)],
      ['body', sayBody(body)],
    ] as const),
    ...(graphql === undefined ? [] : [['graphql', sayGraphql(graphql)] as const]),
    ...(websocket === undefined ? [] : [['websocket', 'one may be opened'] as const]),
  ];
}

/** How often a credential may be used. */
export function sayLimits({ rate, budget }: ConnectionLimits): string {
  return [
    ...(rate === undefined ? [] : [`${rate.count} requests in any ${rate.seconds} s`]),
    ...(budget === undefined ? [] : [`${budget.count} in each window of ${budget.seconds} s`]),
  ].join(', and ');
}

/** What becomes of a login's answers, or how a credential comes to be. */
export function sayCapture({ capture, captured }: Pick<EnvelopePolicy, 'capture' | 'captured'>): readonly string[] {
  return [
    ...(capture === undefined
      ? []
      : [
          `Of its answers ${capture.fields.map(({ pointer }) => pointer).join(' and ')} is captured into ${capture.into}, and that handle goes back.`,
        ]),
    ...(captured === undefined
      ? []
      : [
          `It holds what ${captured.from} answered, for ${captured.lifetime} s from then, while that connection stands.`,
        ]),
  ];
}
