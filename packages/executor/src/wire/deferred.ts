/** A promise and the two ways to settle it. Never an unhandled rejection: whoever holds the promise may await it late. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever made the call awaits it; a call that fails before is not an unhandled rejection of the process.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
