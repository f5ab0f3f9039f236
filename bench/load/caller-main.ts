/**
 * A caller, as a process of its own so that what it costs is not the server's: takes a job, gets all ready for it, waits for the
 * word, and says what became of it. Commands come on stdin and answers go to stdout, a line of JSON each.
 */
import { createInterface } from 'node:readline';
import type { Command, Job, Said } from './job.ts';
import { closedLoop, openLoop } from './loops.ts';
import { makeSender, type Sender } from './sender.ts';

let ready: { readonly job: Job; readonly sender: Sender } | undefined;

process.stdout.write(`${JSON.stringify({ event: 'listening', pid: process.pid })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  const said = await obey(command).catch((error: unknown): Said => ({
    id: command.id,
    event: 'failed',
    why: String(error),
  }));
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

async function obey(command: Command): Promise<Said> {
  const { id } = command;
  if ('prepare' in command) {
    const job = command.prepare;
    await ready?.sender.close();
    const sender = makeSender(job);
    ready = { job, sender };
    if (job.warmUp > 0) {
      const { failures } = await closedLoop(sender, job.callers, job.warmUp);
      const [failure] = Object.keys(failures);
      if (failure !== undefined) return { id, event: 'failed', why: `warming up: ${failure}` };
    }
    return { id, event: 'prepared' };
  }
  if (ready === undefined) throw new Error('nothing was prepared');
  const { job, sender } = ready;
  ready = undefined;
  const { callers, requests, rate } = job;
  const done = await (rate === undefined ? closedLoop(sender, callers, requests) : openLoop(sender, rate, requests));
  await sender.close();
  return { id, event: 'done', done };
}
