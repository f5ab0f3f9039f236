/**
 * The clock of an open loop, as a thread: says when each request is to start. A thread that sleeps wakes within a fraction of a
 * millisecond, which timers of an event loop do not, and it takes no processor from whoever is measured.
 */
import { parentPort, workerData } from 'node:worker_threads';

const { begins, interval, ticks } = workerData as { begins: bigint; interval: bigint; ticks: number };
const bed = new Int32Array(new SharedArrayBuffer(4));
const PER_MS = 1e6;

for (let tick = 0; tick < ticks; tick++) {
  const due = begins + BigInt(tick) * interval;
  for (let early = due - process.hrtime.bigint(); early > 0n; early = due - process.hrtime.bigint())
    Atomics.wait(bed, 0, 0, Number(early) / PER_MS);
  parentPort!.postMessage(tick, []);
}
