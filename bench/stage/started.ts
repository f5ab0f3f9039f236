/** What was started, and ends in the other order, whether all of it could be started or not. (Node 20 has no `AsyncDisposableStack`.) */

export class Started implements AsyncDisposable {
  readonly #parts: AsyncDisposable[] = [];

  /** Ends with the others. */
  use<T extends AsyncDisposable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts.splice(0).toReversed()) await part[Symbol.asyncDispose]();
  }
}

/** Starts several things that end together; where one cannot be started, the ones before it end at once. */
export async function startAll<T extends object>(
  raise: (started: Started) => Promise<T>,
): Promise<T & AsyncDisposable> {
  const started = new Started();
  try {
    return Object.assign(await raise(started), { [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() });
  } catch (error) {
    await started[Symbol.asyncDispose]();
    throw error;
  }
}
