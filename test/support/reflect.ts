/**
 * The three metadata functions that the certificate library's injector asks `Reflect` for (it declares no dependency that
 * brings them). Imported before that library, by test support only; adds nothing where a real polyfill is loaded.
 */
interface Metadata {
  getMetadata?: unknown;
  getOwnMetadata?: unknown;
  defineMetadata?: unknown;
}

const known = new WeakMap<object, Map<unknown, unknown>>();
const read = (key: unknown, target: object): unknown => known.get(target)?.get(key);
const reflect = Reflect as Metadata;
if (reflect.getMetadata === undefined) {
  reflect.getMetadata = read;
  reflect.getOwnMetadata = read;
  reflect.defineMetadata = (key: unknown, value: unknown, target: object): void => {
    const entries = known.get(target) ?? new Map<unknown, unknown>();
    known.set(target, entries.set(key, value));
  };
}
