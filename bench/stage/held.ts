/** What is good for a while, such as a token: made once, and again when that is over. */

/** @param ms how long each is held */
export function heldFor<T>(ms: number, make: () => Promise<T>): () => Promise<T> {
  let held: { readonly made: T; readonly until: number } | undefined;
  return async () => {
    if (held === undefined || held.until <= Date.now()) held = { made: await make(), until: Date.now() + ms };
    return held.made;
  };
}
