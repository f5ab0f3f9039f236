/** JSON that is kept for whoever comes next, and so can be changed by nobody. */
import type { JsonObject } from '@dauth/protocol';

/** Freezes a value with all that is in it. JSON has no circles, and its reader bounds its depth. */
export function frozen(value: JsonObject): JsonObject {
  for (const member of Object.values(value))
    if (typeof member === 'object' && member !== null) frozen(member as JsonObject);
  return Object.freeze(value);
}
