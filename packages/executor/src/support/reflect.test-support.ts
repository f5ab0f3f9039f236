/** The three metadata functions that the certificate library's injector asks `Reflect` for; imported before it. */
const metadata = new WeakMap<object, Map<unknown, unknown>>();
const get = (key: unknown, target: object): unknown => metadata.get(target)?.get(key);
Object.assign(Reflect, {
  getMetadata: get,
  getOwnMetadata: get,
  defineMetadata(key: unknown, value: unknown, target: object): void {
    const known = metadata.get(target) ?? new Map<unknown, unknown>();
    metadata.set(target, known.set(key, value));
  },
});

export {};
