/** A caller process, from the side of who measures: prepare, then run, then the numbers. */
import { fileURLToPath } from 'node:url';
import { start } from '#test/support/process.js';
import type { Done, Job, Said } from './job.ts';

/** Milliseconds for one job, ring and warm-up included. */
const LATEST_MS = 180_000;

export interface Caller extends AsyncDisposable {
  readonly pid: number;
  /** Opens sockets, signs proofs, warms up. @returns why it could not, where it could not */
  prepare(job: Job): Promise<string | undefined>;
  /** Runs what was prepared. @throws Error where it could not be run at all */
  run(): Promise<Done>;
}

export async function startCaller(): Promise<Caller> {
  const child = await start({
    file: process.execPath,
    args: [fileURLToPath(new URL('./caller-main.js', import.meta.url))],
    keepStdin: true,
  });
  let last = 0;
  const ask = async (command: { prepare: Job } | { run: true }): Promise<Said> => {
    const id = ++last;
    child.send(`${JSON.stringify({ id, ...command })}\n`);
    return JSON.parse(await child.line((line) => line.startsWith(`{"id":${id},`), LATEST_MS)) as Said;
  };
  return {
    pid: child.pid,
    async prepare(job) {
      const said = await ask({ prepare: job });
      return said.event === 'failed' ? said.why : undefined;
    },
    async run() {
      const said = await ask({ run: true });
      if (said.event !== 'done') throw new Error(`the caller did not run: ${JSON.stringify(said)}`);
      return said.done;
    },
    [Symbol.asyncDispose]: async () => void (await child.stop()),
  };
}
