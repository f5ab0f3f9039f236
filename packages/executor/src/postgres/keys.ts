/**
 * The keys by which a driver may stop what its session does (CancelRequest, PostgreSQL documentation §55.2.8).
 * Never the server's own: a driver's key is good here only, and only together with a token for the same connection.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { Standing } from '../who/view.ts';

/** What a driver is told in the place of the server's key. */
export interface DriverKey {
  readonly pid: number;
  readonly key: number;
}

interface Running extends DriverKey {
  readonly standing: Standing;
  readonly cancel: () => Promise<void>;
}

export class CancelKeys {
  readonly #running = new Map<number, Running>();

  /** Makes a key for a session; `leave` when it ends. */
  enter(standing: Standing, cancel: () => Promise<void>): DriverKey & { readonly leave: () => void } {
    let pid;
    do pid = randomInt(1, 2 ** 31 - 1);
    while (this.#running.has(pid));
    const key = randomBytes(4).readUInt32BE(0);
    this.#running.set(pid, { pid, key, standing, cancel });
    return { pid, key, leave: () => void this.#running.delete(pid) };
  }

  /** Stops what a session does, where it is the asker's own; says to nobody whether there was one. */
  async cancel({ pid, key }: DriverKey, asker: Standing): Promise<void> {
    const running = this.#running.get(pid);
    if (running?.key === key && isSame(running.standing, asker)) await running.cancel();
  }
}

/** The same connection, for the same owner, by the same server and grant. */
function isSame(one: Standing, other: Standing): boolean {
  return (
    one.handle === other.handle &&
    one.owner === other.owner &&
    one.org === other.org &&
    one.server === other.server &&
    one.grant === other.grant
  );
}
