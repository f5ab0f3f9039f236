/** The demo's end: the memory of every DAuth process is searched while they run, with a planted copy that must be found. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describeScan, isClean, scanMemory, startControl } from '../support/memscan.ts';
import { descendants } from '../support/process.ts';
import { readOpeningKey } from '../world/opening-key.ts';
import type { World } from '../world/world.ts';
import type { Show } from './show.ts';

const [TOKEN, KEY] = ['token', 'opening key'];

interface Named {
  readonly name: string;
  readonly pid: number;
}

export async function searchMemory(show: Show, at: World, clients: readonly Named[]): Promise<void> {
  show.title('7. Searching the memory of every DAuth process, while they run');
  await sleep(1_500);
  const token = Buffer.from(at.token);
  await using control = await startControl(token);
  const { pids } = at.stack.ready;
  const known: Named[] = [
    { name: 'authority', pid: pids.authority },
    { name: 'executor', pid: pids.executor },
    { name: 'dauth start', pid: at.stack.process.pid },
  ];
  const launchers = descendants(at.stack.process.pid)
    .filter((pid) => !known.some((each) => each.pid === pid))
    .map((pid) => ({ name: 'launcher', pid }));
  const server = { name: 'MCP server', pid: at.server.pid };
  const results = await scanMemory({
    secrets: [
      { name: TOKEN, bytes: token },
      { name: KEY, bytes: await readOpeningKey(at.stack) },
    ],
    processes: [{ name: 'control (planted)', pid: control.pid }, ...known, ...launchers, server, ...clients],
  });
  for (const result of results) {
    if (result.state === 'NOT CHECKED') show.notChecked(result.name, result.reason);
    else if (result.name.startsWith('control')) show.expect('the planted control is found', !isClean(result));
    else if (result.name !== 'executor') show.expect(describeScan(result), isClean(result));
    else {
      // The one that opens: its key must be found there, or the look found nothing at all.
      show.expect(`${describeScan(result)}, of the key it opens with`, result.found[KEY] !== undefined);
      show.expect('the token is not in the executor', result.found[TOKEN] === undefined);
    }
  }
  show.fact('exempt', 'the upstream (it is meant to have it), the scanner, and this process, which plays the owner');
  show.fact('ended', 'the process that sealed the token');
}
