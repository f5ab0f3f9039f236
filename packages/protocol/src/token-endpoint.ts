/**
 * Token endpoints (§2.6): the exact URL at which a credential is exchanged, and that it is never a target.
 * Never resolved or asked here.
 */
import { originParts, parseOrigin, type Origin } from './origin.ts';
import { isRequestPath, matchesPath, type PathPattern } from './path.ts';
import type { AllowRule } from './policy.ts';
import { refuse } from './shape.ts';

declare const brand: unique symbol;
/** `https://host[:port]/path[?query]`, exactly as it is asked. */
export type TokenEndpoint = string & { readonly [brand]: 'TokenEndpoint' };

const ENDPOINT = /^(https:\/\/[^/?#]{1,260})(\/[^?#]*)(\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*)?$/;
const MAX_ENDPOINT = 512;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseTokenEndpoint(value: unknown): TokenEndpoint {
  const [, origin, path, query] = (typeof value === 'string' && ENDPOINT.exec(value)) || [];
  const isPlain =
    origin !== undefined &&
    path !== undefined &&
    (value as string).length <= MAX_ENDPOINT &&
    isRequestPath(path) &&
    !/%(?![0-9A-Fa-f]{2})/.test(query ?? '');
  if (!isPlain) return refuse('A token endpoint is an exact https URL with a path, in its plain form.');
  originParts(parseOrigin(origin));
  return value as TokenEndpoint;
}

export interface EndpointParts {
  readonly origin: Origin;
  /** Path and query. */
  readonly target: string;
  readonly path: string;
}

export function endpointParts(endpoint: TokenEndpoint): EndpointParts {
  const [, origin, path, query = ''] = ENDPOINT.exec(endpoint) ?? [];
  if (origin === undefined || path === undefined) throw new TypeError('An endpoint is parsed first.');
  return { origin: origin as Origin, path, target: path + query };
}

/**
 * A request to the token endpoint is answered with a token, and an answer of a target goes back to the caller: so what the
 * policy allows must not be the token endpoint, by any method, nor what a lenient server takes for it.
 * @throws DAuthError `INVALID_REQUEST`
 */
export function assertNoTarget(endpoint: TokenEndpoint, allow: readonly AllowRule[]): void {
  const { origin, path } = endpointParts(endpoint);
  const isAllowed = allow.some(
    (rule) =>
      rule.origin === origin &&
      rule.paths.some(
        (pattern) =>
          matchesPath(pattern, path) ||
          matchesPath(pattern, `${path}/`) ||
          matchesPath(loosePath(pattern) as PathPattern, loosePath(path)),
      ),
  );
  if (isAllowed)
    refuse('"allow" includes the token endpoint, whose answers hold the credential. Allow paths that leave it out.');
}

/** As the most forgiving server would read it: decoded, without parameters, in one case, without a slash at its end. */
export function loosePath(path: string): string {
  return path
    .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll(/;[^/]*/g, '')
    .replace(/(?<=.)\/$/, '')
    .toLowerCase();
}
