/** What a scope and a connection let an app do, in words. Every name in them is somebody's, and is shown as that. */
import type { AllowRule, BodyCondition, ConnectionDetail, GraphqlRule } from '@dauth/protocol';
import type { Authority } from '../context.ts';
import { markup, type Html } from '../people/html.ts';
import { sealedCapture, sealedRules } from './details.ts';

const IN_WORDS: Readonly<Record<string, string>> = Object.assign(Object.create(null) as object, {
  profile: 'Know your name',
  email: 'Know your email address',
  'dauth:connections.read': 'See your connections, without their credentials',
  'dauth:connections.write': 'Store, replace, suspend and delete your connections',
  'dauth:grants.write': 'Let other programs use your connections, and end that',
});

export function sayScope(scope: string): Html {
  const words = IN_WORDS[scope];
  return words === undefined ? markup`Use what the server calls <code>${scope}</code>` : markup`${words}`;
}

export function sayDetail(authority: Authority, detail: ConnectionDetail): Html {
  const { name, locations, actions } = detail;
  return markup`<strong><bdi>${name}</bdi></strong> at <code>${locations[0]}</code>: ${sayList(actions)}${sealedRules(authority, detail).map(sayLimits)}${sayCapture(authority, detail)}`;
}

/** Whoever lets an app log in lets it replace what the other connection is used with. */
function sayCapture(authority: Authority, detail: ConnectionDetail): Html {
  const capture = sealedCapture(authority, detail);
  if (capture === undefined) return markup``;
  const other = markup`<bdi>${capture.other}</bdi>`;
  return capture.role === 'login'
    ? markup`; a login, whose answer becomes the credential of ${other}`
    : markup`; with the credential that the login ${other} was answered with`;
}

/** What a rule says beyond the actions: they are consented to, and it is enforced besides. */
function sayLimits({ methods, paths, query, body, graphql, websocket }: AllowRule): Html {
  if ((query ?? body ?? graphql ?? websocket) === undefined) return markup``;
  const limits = [
    ...(query === undefined
      ? []
      : [query.length === 0 ? markup`without a query` : markup`with no other query than ${sayList(query)}`]),
    ...(body ?? []).map((condition) => markup`only with a JSON body where ${sayCondition(condition)}`),
    ...(graphql === undefined ? [] : [sayGraphql(graphql)]),
    ...(websocket === undefined ? [] : [markup`also as a WebSocket`]),
  ];
  return markup`; sealed for ${sayList(methods)} at ${sayList(paths)} ${limits.map((limit, index) => markup`${index > 0 && ', '}${limit}`)}`;
}

function sayGraphql({ operations, names, fields, anonymous }: GraphqlRule): Html {
  const named = names === undefined ? markup`` : markup` named ${sayList(names)}`;
  const rooted = fields === undefined ? markup`` : markup` of the root fields ${sayList(fields)}`;
  return markup`only with a GraphQL ${sayList(operations)}${named}${anonymous === true && ' or without a name'}${rooted}`;
}

function sayCondition(condition: BodyCondition): Html {
  const member = markup`<code>${condition.pointer}</code>`;
  if ('absent' in condition) return markup`${member} is absent`;
  const taken = 'equals' in condition ? [condition.equals] : condition.one_of;
  return markup`${member} is one of ${sayList(taken.map((scalar) => JSON.stringify(scalar)))}`;
}

function sayList(words: readonly string[]): Html {
  return markup`${words.map((word, index) => markup`${index > 0 && ', '}<code>${word}</code>`)}`;
}
