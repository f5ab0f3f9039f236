/** Freezes a value with all that is in it, for whoever keeps it for others. Of what was parsed: it has no circles, and bounded depth. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}
