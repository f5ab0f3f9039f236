/**
 * Names that a rule lets a request's query have (§2.1), compared octet for octet with the query as it goes upstream.
 * Never decodes: a name that one server decodes and another one does not is a name that nobody listed.
 */
import { QUERY_NAME } from './slot-name.ts';
import { LIMITS } from './limits.ts';
import { distinct, list, refuse } from './shape.ts';

/** The empty list means no query at all. @throws DAuthError `INVALID_REQUEST` */
export function parseQueryNames(value: unknown): readonly string[] {
  return distinct(list(value, '"query"', 0, LIMITS.policyEntries, parseQueryName), '"query"', String);
}

function parseQueryName(value: unknown): string {
  if (typeof value !== 'string' || !QUERY_NAME.test(value))
    refuse('A query name of a rule is letters, digits and "-._~[]", as it stands in a URL.');
  return value;
}

/**
 * Whether each name of a query is one of these, and none is there twice: of two, servers take the first, the last or both.
 * @param query raw, with its `?`; empty where there is none
 */
export function isQueryWithin(names: readonly string[], query: string): boolean {
  if (query === '') return true;
  // Some servers separate with ";" too, to the others it is part of a name: both have to find listed names only.
  return [/&/, /[&;]/].every((separator) => {
    const given = query
      .slice(1)
      .split(separator)
      .map((pair) => pair.split('=', 1)[0]!);
    return given.every((name) => names.includes(name)) && new Set(given).size === given.length;
  });
}
