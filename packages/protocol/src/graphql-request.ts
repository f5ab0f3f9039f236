/**
 * A GraphQL request over HTTP as a rule sees it (§2.1): the operations of the document in a JSON body, or in the query of a GET.
 * Never a request that names its document in another way too: by a hash, in the URL beside the body, or in a list of several.
 */
import type { JsonBody } from './body-condition.ts';
import { foldName } from './body-slot.ts';
import { DAuthError } from './errors.ts';
import { parseGraphqlDocument, type GraphqlOperation } from './graphql-document.ts';
import { isObject, parseJson } from './json.ts';
import { LIMITS } from './limits.ts';
import type { Method } from './method.ts';

export interface GraphqlTarget {
  readonly method: Method;
  /** Raw, with its `?`; empty where there is none. */
  readonly query: string;
  /** `null` where there is none; undefined where nobody looked. */
  readonly body?: JsonBody | null;
}

/** The operations, or why they cannot be known: the end of a sentence. */
export type GraphqlRead = { readonly operations: readonly GraphqlOperation[] } | { readonly fault: string };

/** GraphQL over HTTP, §5.1: all that a request may say. */
const PARAMETERS = ['query', 'operationName', 'variables', 'extensions'];

/** Each body is read once, however many rules there are. */
const known = new WeakMap<JsonBody, GraphqlRead>();

/** @param listed names of the rule that the URL may have beside GraphQL's own */
export function readGraphqlRequest({ method, query, body }: GraphqlTarget, listed: readonly string[]): GraphqlRead {
  if (body === undefined) return fault('its body was not looked at');
  const pairs = query === '' ? [] : query.slice(1).split('&');
  const names = pairs.map((pair) => pair.split('=', 1)[0]!);
  // express-graphql and others take the URL's word before the body's: beside a body none of GraphQL's own may stand there.
  const taken = method === 'GET' ? [...PARAMETERS, ...listed] : listed.filter((name) => !PARAMETERS.includes(name));
  if (query.includes(';') || !names.every((name) => taken.includes(name)) || new Set(names).size !== names.length)
    return fault('its URL has a parameter that is not listed, twice, or is for the body');
  if (method === 'GET') return body === null ? readQuery(pairs) : fault('a GET has no body');
  if (body === null) return fault('it has no body');
  const read = known.get(body) ?? readMembers(body.whole);
  known.set(body, read);
  return read;
}

function readQuery(pairs: readonly string[]): GraphqlRead {
  try {
    const members = pairs.map((pair): readonly [string, unknown] => {
      const cut = pair.indexOf('=');
      const name = cut < 0 ? pair : pair.slice(0, cut);
      // A plus is a space in forms; in a document it could stand in strings and comments only, where neither matters.
      const text = decodeURIComponent(pair.slice(name.length + 1).replaceAll('+', ' '));
      return [name, name === 'extensions' ? parseJson(text, LIMITS.conditionedBody, 'kept') : text];
    });
    const { query, operationName, extensions } = Object.fromEntries(members);
    return readMembers({ query, operationName, extensions });
  } catch {
    return fault('a parameter of its URL cannot be read');
  }
}

function readMembers(request: unknown): GraphqlRead {
  if (Array.isArray(request)) return fault('it is a batch; send one request at a time');
  if (!isObject(request) || !Object.keys(request).every((name) => PARAMETERS.includes(name)))
    return fault(`it is not an object with ${PARAMETERS.join(', ')} alone`);
  const { query, operationName = null, extensions = null } = request;
  if (typeof query !== 'string') return fault('it has no "query" text; a hash in place of it is not taken');
  // A server that knows the hash may run what it stands for, whatever the text beside it says.
  if (extensions !== null && !isObject(extensions)) return fault('its "extensions" are not an object');
  if (extensions !== null && Object.keys(extensions).some((name) => foldName(name) === 'persistedquery'))
    return fault('it names a persisted query');
  try {
    const operations = parseGraphqlDocument(query);
    if (operationName === null && operations.length > 1)
      return fault('"operationName" has to say which operation is meant');
    if (operationName !== null && !operations.some(({ name }) => name === operationName))
      return fault('"operationName" is not one of its operations');
    return { operations };
  } catch (error) {
    if (!(error instanceof DAuthError)) throw error;
    return fault(`its document is not taken: ${error.publicMessage}`);
  }
}

function fault(words: string): GraphqlRead {
  return { fault: words };
}
