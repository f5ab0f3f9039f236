/**
 * The two ways to load a server. Closed: so many callers, each sends when its last answer has come. Open: requests start when
 * they are to, whether the ones before were answered or not, and wait from then on; so what a slow server keeps waiting is seen.
 */
import { Worker } from 'node:worker_threads';
import { quantile } from '../method/statistics.ts';
import type { Done } from './job.ts';
import type { Sender } from './sender.ts';

const [NANOSECONDS, PER_MS] = [1e9, 1e6];

/** `callers` at once, until `requests` have ended. */
export function closedLoop(sender: Pick<Sender, 'send'>, callers: number, requests: number): Promise<Done> {
  return new Promise((resolve) => {
    const tally = new Tally(requests, resolve);
    let left = requests;
    const next = (): void => {
      if (left-- <= 0) return;
      const startedAt = process.hrtime.bigint();
      sender.send((octets, failure) => {
        tally.add(startedAt, octets, failure);
        next();
      });
    };
    for (let caller = 0; caller < callers; caller++) next();
  });
}

/** `rate` a second, evenly, until `requests` have ended. */
export function openLoop(sender: Pick<Sender, 'send'>, rate: number, requests: number): Promise<Done> {
  return new Promise((resolve, reject) => {
    const interval = BigInt(Math.round(NANOSECONDS / rate));
    const begins = process.hrtime.bigint() + interval;
    const tally = new Tally(requests, resolve);
    const clock = new Worker(new URL('./clock-main.js', import.meta.url), {
      workerData: { begins, interval, ticks: requests },
    });
    clock.on('error', reject).on('message', (tick: number) => {
      sender.send((octets, failure) => tally.add(begins + BigInt(tick) * interval, octets, failure));
    });
  });
}

/** Counts answers until all are here. */
class Tally {
  readonly #waited: Float64Array;
  readonly #resolve: (done: Done) => void;
  readonly #beganAt = process.hrtime.bigint();
  readonly #failures: Record<string, number> = {};
  #ended = 0;
  #octets = 0;

  constructor(requests: number, resolve: (done: Done) => void) {
    this.#waited = new Float64Array(requests);
    this.#resolve = resolve;
  }

  add(startedAt: bigint, octets: number, failure: string | undefined): void {
    const now = process.hrtime.bigint();
    this.#waited[this.#ended++] = Number(now - startedAt) / PER_MS;
    this.#octets += octets;
    if (failure !== undefined) this.#failures[failure] = (this.#failures[failure] ?? 0) + 1;
    if (this.#ended < this.#waited.length) return;
    const sorted = this.#waited.toSorted();
    const of = (share: number): number => quantile(sorted, share);
    this.#resolve({
      requests: this.#ended,
      seconds: Number(now - this.#beganAt) / NANOSECONDS,
      octets: this.#octets,
      latency: { p50: of(0.5), p90: of(0.9), p99: of(0.99), max: of(1) },
      failures: this.#failures,
    });
  }
}
