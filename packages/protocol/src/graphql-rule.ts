/**
 * Conditions of a rule on a GraphQL request (§2.1): types of operations, their names, their root fields.
 * Never on one of several operations: a document is taken where all of it is, because the server says which one it runs.
 */
import { choice } from './choice.ts';
import { GRAPHQL_OPERATIONS, type GraphqlOperation, type GraphqlOperationType } from './graphql-document.ts';
import { readGraphqlRequest, type GraphqlTarget } from './graphql-request.ts';
import { LIMITS } from './limits.ts';
import { distinct, exactObject, list, refuse } from './shape.ts';

export interface GraphqlRule {
  readonly operations: readonly GraphqlOperationType[];
  /** Names that an operation may have: absent means any. The caller chooses them. */
  readonly names?: readonly string[];
  /** Root fields that an operation may have: absent means any. */
  readonly fields?: readonly string[];
  /** Whether an operation may have no name. */
  readonly anonymous?: true;
}

const NAME = /^[A-Z_a-z][0-9A-Z_a-z]{0,127}$/;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseGraphqlRule(value: unknown): GraphqlRule {
  const rule = exactObject(value, '"graphql"', ['operations'], ['names', 'fields', 'anonymous']);
  const type = (item: unknown) => choice(item, '"operations" of "graphql"', GRAPHQL_OPERATIONS);
  const operations = list(rule.operations, '"operations" of "graphql"', 1, GRAPHQL_OPERATIONS.length, type);
  if (rule.anonymous !== undefined && rule.anonymous !== true)
    refuse('"anonymous" of "graphql" is true, or not there.');
  return Object.freeze({
    operations: distinct(operations, '"operations" of "graphql"', String),
    ...(rule.names === undefined ? {} : { names: parseNames(rule.names, '"names" of "graphql"') }),
    ...(rule.fields === undefined ? {} : { fields: parseNames(rule.fields, '"fields" of "graphql"') }),
    ...(rule.anonymous === true ? { anonymous: true } : {}),
  });
}

function parseNames(value: unknown, what: string): readonly string[] {
  const name = (item: unknown): string =>
    typeof item === 'string' && NAME.test(item) ? item : refuse(`${what} has letters, digits and "_" only.`);
  return distinct(list(value, what, 1, LIMITS.policyEntries, name), what, String);
}

/** Why a rule does not take a request, as the end of a sentence; undefined where it does. */
export function graphqlUnmet(rule: GraphqlRule, target: GraphqlTarget, listed: readonly string[]): string | undefined {
  const read = readGraphqlRequest(target, listed);
  return 'fault' in read ? read.fault : read.operations.map((each) => operationUnmet(rule, each)).find(Boolean);
}

function operationUnmet({ operations, names, fields, anonymous }: GraphqlRule, asked: GraphqlOperation) {
  if (!operations.includes(asked.type)) return `a ${asked.type} is not one of its operations`;
  if (asked.name === undefined) {
    if (anonymous !== true) return 'its operation has no name';
  } else if (names !== undefined && !names.includes(asked.name)) return 'the name of its operation is not listed';
  if (fields !== undefined && !asked.fields.every((field) => fields.includes(field)))
    return 'a root field of its operation is not listed';
  return undefined;
}
