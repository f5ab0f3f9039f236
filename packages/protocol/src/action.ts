/**
 * Actions (`METHOD pattern`, §1.1), and whether one is inside what many others allow.
 * Never a comparison that splits the same pattern twice: both sides are chosen by who asks, and everybody else waits.
 */
import { parseMethod, type Method } from './method.ts';
import { coversSegments, parsePathPattern, segmentsOf, type PathPattern } from './path.ts';

export interface Action {
  readonly method: Method;
  readonly pattern: PathPattern;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function splitAction(action: string): Action {
  const space = action.indexOf(' ');
  return { method: parseMethod(action.slice(0, space)), pattern: parsePathPattern(action.slice(space + 1)) };
}

/** What one side allows at one connection and origin: patterns by method, each split once and held once. */
export class Reach {
  readonly #byMethod = new Map<Method, Map<PathPattern, readonly string[]>>();

  add(method: Method, pattern: PathPattern): void {
    const patterns = this.#byMethod.get(method) ?? new Map<PathPattern, readonly string[]>();
    this.#byMethod.set(method, patterns);
    if (!patterns.has(pattern)) patterns.set(pattern, segmentsOf(pattern));
  }

  covers(action: string): boolean {
    const { method, pattern } = splitAction(action);
    const patterns = this.#byMethod.get(method);
    if (patterns === undefined) return false;
    if (patterns.has(pattern)) return true;
    const narrow = segmentsOf(pattern);
    for (const wide of patterns.values()) if (coversSegments(wide, narrow)) return true;
    return false;
  }
}
