/**
 * What a token is to be for (§2.6): scope, audience and resources, fixed text that is sealed with the credential.
 */
import { distinct, list, refuse, text } from './shape.ts';

export interface Wishes {
  readonly scope?: string;
  readonly audience?: string;
  /** RFC 8707. */
  readonly resource?: readonly string[];
}

/** Their members; a scheme's codec takes these among its own. */
export const WISHES: readonly string[] = ['scope', 'audience', 'resource'];

/** RFC 6749 §3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const MAX_SCOPE = 1_024;
const VISIBLE = /^[\x21-\x7e]+$/;
const MAX_NAME = 512;
const MAX_RESOURCES = 8;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseWishes({ scope, audience, resource }: Readonly<Record<string, unknown>>): Wishes {
  return {
    ...(scope === undefined ? {} : { scope: parseScope(scope) }),
    ...(audience === undefined ? {} : { audience: visible(audience, '"audience"') }),
    ...(resource === undefined ? {} : { resource: parseResources(resource) }),
  };
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseScope(value: unknown): string {
  const scope = text(value, '"scope"', MAX_SCOPE);
  if (!SCOPE.test(scope)) refuse('"scope" is scope tokens with one space between them.');
  return scope;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseResources(value: unknown): readonly string[] {
  const resources = list(value, '"resource"', 1, MAX_RESOURCES, (item) => visible(item, '"resource"'));
  return distinct(resources, '"resource"', String);
}

/** @throws DAuthError `INVALID_REQUEST` */
export function visible(value: unknown, what: string): string {
  const name = text(value, what, MAX_NAME);
  if (!VISIBLE.test(name)) refuse(`${what} is visible ASCII without spaces.`);
  return name;
}
