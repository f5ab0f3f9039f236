/** The floor as one of a heat's contestants. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from '#test/support/process.js';
import { watch } from '../method/machine.ts';
import type { Contestant } from '../method/rounds.ts';
import type { LoadRound } from '../stage/contest.ts';
import type { Started } from '../stage/started.ts';

export const FLOOR = 'the floor';

/** @param group rows to a commit: as many as callers wait at once */
export async function startFloor(
  started: Started,
  dir: string,
  { operations, group }: { readonly operations: number; readonly group: number },
): Promise<Contestant<LoadRound>> {
  const main = fileURLToPath(new URL('./floor-main.js', import.meta.url));
  const child = started.use(
    await start({ file: process.execPath, args: [main, join(dir, 'floor.db')], keepStdin: true }),
  );
  let last = 0;
  const run = async (): Promise<number> => {
    const id = ++last;
    child.send(`${JSON.stringify({ id, operations, group })}\n`);
    return (JSON.parse(await child.line((line) => line.startsWith(`{"id":${id},`))) as { seconds: number }).seconds;
  };
  await run();
  return {
    name: FLOOR,
    async round() {
      const { read } = watch({ server: child.pid });
      const seconds = await run();
      const { used, foreign } = read();
      const wait = (seconds / operations) * group * 1e3;
      return {
        ...{ foreign, cpu: used.server! / operations, authority: 0, perSecond: operations / seconds },
        ...{ octetsPerSecond: 0, latency: { p50: wait, p90: wait, p99: wait, max: wait } },
      };
    },
  };
}
