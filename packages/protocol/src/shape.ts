/**
 * Small guards that turn `unknown` into a typed value or a sentence: each names the member it looked at.
 * Never lenient: a member nobody knows is an error, so that no party can mean something another one overlooks.
 */
import { DAuthError } from './errors.ts';
import { isObject, type JsonObject } from './json.ts';

/** Latest time we accept: the year 9999. Keeps every sum of two times an exact integer. */
const LATEST = 253_402_300_799;

export function refuse(detail: string): never {
  throw new DAuthError('INVALID_REQUEST', detail);
}

/** Which member is not defined: for whoever wrote the document, and never part of an answer. */
export class UnknownMember extends Error {
  readonly member: string;
  readonly known: readonly string[];

  constructor(member: string, known: readonly string[]) {
    super('unknown member');
    this.member = member;
    this.known = known;
  }
}

/** An object with all of `required` and nothing outside `required` and `optional`. */
export function exactObject(
  value: unknown,
  what: string,
  required: readonly string[],
  optional: readonly string[] = [],
): JsonObject {
  if (!isObject(value)) refuse(`${what} must be an object.`);
  const misspelt = Object.keys(value).find((name) => !required.includes(name) && !optional.includes(name));
  const cause = misspelt === undefined ? undefined : { cause: new UnknownMember(misspelt, [...required, ...optional]) };
  for (const name of required) {
    if (!Object.hasOwn(value, name))
      throw new DAuthError('INVALID_REQUEST', `${what} needs the member "${name}".`, cause);
  }
  // The unknown name itself was sent by somebody, so it is not repeated.
  if (cause !== undefined)
    throw new DAuthError('INVALID_REQUEST', `${what} has a member that is not defined for it.`, cause);
  return value;
}

/** A non-empty string of at most `maxLength` visible characters (no controls, no lone surrogates). */
export function text(value: unknown, what: string, maxLength: number): string {
  if (typeof value !== 'string' || value.length === 0) refuse(`${what} must be a non-empty string.`);
  if (value.length > maxLength) refuse(`${what} is longer than ${maxLength} characters.`);
  // oxlint-disable-next-line no-control-regex -- controls are what this refuses
  if (/[\u0000-\u001f\u007f-\u009f]/.test(value) || !value.isWellFormed()) refuse(`${what} has a control character.`);
  return value;
}

/** An integer between `least` and `most`, both included. */
export function integer(value: unknown, what: string, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) refuse(`${what} must be an integer.`);
  if (value < least || value > most) refuse(`${what} is out of range.`);
  return value;
}

/** A NumericDate (RFC 7519 §2) in whole seconds. */
export function seconds(value: unknown, what: string): number {
  return integer(value, what, 0, LATEST);
}

/** An array of `least` to `most` parsed items. */
export function list<T>(
  value: unknown,
  what: string,
  least: number,
  most: number,
  parse: (item: unknown) => T,
): readonly T[] {
  if (!Array.isArray(value)) refuse(`${what} must be an array.`);
  if (value.length < least) refuse(`${what} must not be empty.`);
  if (value.length > most) refuse(`${what} has more than ${most} entries.`);
  return Object.freeze(value.map((item) => parse(item)));
}

/** Refuses a list that says the same thing twice. */
export function distinct<T>(items: readonly T[], what: string, key: (item: T) => string): readonly T[] {
  if (new Set(items.map(key)).size !== items.length) refuse(`${what} has the same entry twice.`);
  return items;
}
