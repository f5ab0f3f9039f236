/** Members with a closed set of values. Never lenient: only absence is the default, never `null`. */
import { refuse } from './shape.ts';

/** One of a few words. @throws DAuthError `INVALID_REQUEST` */
export function choice<T extends string>(value: unknown, what: string, among: readonly T[]): T {
  return among.find((one) => one === value) ?? refuse(`${what} has a value that is not known.`);
}

/** One of a few words, the first of which is the default. */
export function choiceOrFirst<T extends string>(value: unknown, what: string, among: readonly [T, ...T[]]): T {
  return value === undefined ? among[0] : choice(value, what, among);
}
