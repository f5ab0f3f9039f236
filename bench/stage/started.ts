/** What was started, and ends in the other order, whether all of it could be started or not. (Node 20 has no `AsyncDisposableStack`.) */
import { fileURLToPath } from 'node:url';
import { start, type Running } from '#test/support/process.js';

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

/** A process of Node that reads on stdin what it is told: keys are in it, so never by its environment. */
export async function startSetUp(started: Started, main: URL, setup: object): Promise<Running> {
  const options = { file: process.execPath, args: [fileURLToPath(main)], keepStdin: true };
  return started.use(await start({ ...options, input: `${JSON.stringify(setup)}\n` }));
}
