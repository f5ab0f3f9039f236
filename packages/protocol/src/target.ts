/**
 * A raw request target taken apart, as the executor reads it at step 4 (§5.1): what rules are compared with is, octet for
 * octet, what goes upstream. Never decodes and never normalizes.
 */
import { DAuthError } from './errors.ts';
import { assertRequestPath } from './path.ts';

export interface RequestTarget {
  /** Before `?`. */
  readonly path: string;
  /** With its `?`; empty where there is none. */
  readonly query: string;
}

/** RFC 3986 §3.4 `query`, and what browsers and SDKs leave raw besides (WHATWG URL "query percent-encode set"). */
const QUERY = /^\?[!$-;=?-~]*$/;

/** @throws DAuthError `POLICY_DENIED` */
export function splitTarget(target: string): RequestTarget {
  const cut = target.indexOf('?');
  const path = cut < 0 ? target : target.slice(0, cut);
  const query = cut < 0 ? '' : target.slice(cut);
  assertRequestPath(path);
  if (query !== '' && !QUERY.test(query))
    throw new DAuthError('POLICY_DENIED', 'The query has characters that are not allowed in a URL; encode them.');
  return { path, query };
}
