/**
 * Conditions of a rule on the JSON body of a request (§2.1): a member that a pointer names is one of fixed scalars, or is not
 * there. Never a condition on what two readers could find in different places: such a body meets none.
 */
import { foldName, parsePointer, pointerNames } from './body-slot.ts';
import { bareName, bareNames } from './field-name.ts';
import { isObject, type JsonObject } from './json.ts';
import { LIMITS } from './limits.ts';
import { distinct, exactObject, list, refuse } from './shape.ts';

export type Scalar = string | number | boolean | null;

export type BodyCondition =
  | { readonly pointer: string; readonly equals: Scalar }
  | { readonly pointer: string; readonly one_of: readonly Scalar[] }
  | { readonly pointer: string; readonly absent: true };

const MAX_TEXT = 512;

/** @throws DAuthError `INVALID_REQUEST` */
export function parseBodyConditions(value: unknown): readonly BodyCondition[] {
  const conditions = list(value, '"body"', 1, LIMITS.bodyConditions, parseCondition);
  return distinct(conditions, '"body"', ({ pointer }) => looseName(pointer));
}

function parseCondition(value: unknown): BodyCondition {
  const condition = exactObject(value, 'A body condition', ['pointer'], ['equals', 'one_of', 'absent']);
  if (Object.keys(condition).length !== 2)
    refuse('A body condition has a pointer, and "equals", "one_of" or "absent".');
  const pointer = parsePointer(condition.pointer, 'a body condition');
  if (condition.equals !== undefined) return Object.freeze({ pointer, equals: parseScalar(condition.equals) });
  if (condition.one_of === undefined) {
    if (condition.absent !== true) refuse('"absent" of a body condition is true, or not there.');
    return Object.freeze({ pointer, absent: true });
  }
  const scalars = list(condition.one_of, '"one_of"', 1, LIMITS.policyEntries, parseScalar);
  return Object.freeze({ pointer, one_of: distinct(scalars, '"one_of"', (scalar) => JSON.stringify(scalar)) });
}

function parseScalar(value: unknown): Scalar {
  if (value === null || typeof value === 'boolean') return value;
  // Of a fraction two readers may keep different digits.
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (typeof value === 'string' && value.length <= MAX_TEXT && value.isWellFormed()) return value;
  return refuse(
    `A body condition compares with a text of at most ${MAX_TEXT} characters, an integer, true, false or null.`,
  );
}

/** A JSON body that conditions are asked of; each object of it is looked through once, however many there are. */
export class JsonBody {
  readonly #body: unknown;
  readonly #names = new Map<JsonObject, ReadonlyMap<string, string | undefined>>();

  /** @param body as `parseJson` made it: without two members of one name */
  constructor(body: unknown) {
    this.#body = body;
  }

  /** As it was parsed. */
  get whole(): unknown {
    return this.#body;
  }

  meets(condition: BodyCondition): boolean {
    let at = this.#body;
    const steps = pointerNames(condition.pointer);
    for (const [step, name] of steps.entries()) {
      // A list or a scalar on the way is not absence: some readers go into lists.
      if (!isObject(at)) return false;
      const names = this.#namesOf(at);
      // Rails wraps what it is sent: without a "user", what stands beside it is what is in it.
      if (!names.has(looseName(name)))
        return 'absent' in condition && !steps.slice(step).some((inner) => names.has(looseName(inner)));
      // Readers that ignore case would take another member for it, or the later of two.
      if (names.get(looseName(name)) !== name) return false;
      at = at[name];
    }
    if ('absent' in condition) return false;
    const taken: readonly unknown[] = 'equals' in condition ? [condition.equals] : condition.one_of;
    return taken.includes(at);
  }

  /** Names by how they are read loosely; undefined where two are read as one. */
  #namesOf(object: JsonObject): ReadonlyMap<string, string | undefined> {
    const known = this.#names.get(object);
    if (known !== undefined) return known;
    const names = new Map<string, string | undefined>();
    for (const name of Object.keys(object)) names.set(looseName(name), names.has(looseName(name)) ? undefined : name);
    this.#names.set(object, names);
    return names;
  }
}

/** Protocol Buffers read `user_id` and `userId` as one member (ProtoJSON), and so do others that turn one style into another. */
function looseName(name: string): string {
  return foldName(name).replaceAll(/[_-]/g, '');
}

/**
 * Whether a query names what conditions are about. Servers that lay query and body together would find it there: GraphQL's take
 * `query` from the URL first, Laravel and Rails what the body does not have.
 * @param query raw, with its `?`; empty where there is none
 */
export function isConditionIn(query: string, conditions: readonly BodyCondition[]): boolean {
  const wanted = new Set(conditions.map(({ pointer }) => looseName(pointerNames(pointer)[0]!)));
  return query
    .slice(1)
    .split(/[&;]/)
    .some((pair) => {
      const name = decodedName(pair.split('=', 1)[0]!);
      // What cannot be decoded, readers decode as they like.
      if (name === undefined) return true;
      return [...bareNames(name), bareName(name.split('.', 1)[0]!)].some((read) => wanted.has(looseName(read)));
    });
}

function decodedName(name: string): string | undefined {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
