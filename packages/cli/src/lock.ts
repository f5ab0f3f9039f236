/**
 * One command at a time, among all that use the same data directory: a file with its holder's process in it. What a dead
 * process left is taken away, and never what somebody else holds: not even where two find the same dead one at once.
 */
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { codeOf, createDurably } from './files.ts';
import { CliError, EXIT } from './output.ts';

const LOOK_MS = 25;
/** The process, and when it took it: no two holders are called the same. */
const HOLDER = /^([1-9][0-9]{0,9})-[0-9]{1,16}-[0-9]{1,16}$/;

/** Runs `body` alone. @throws CliError (conflict) where another process holds it for longer than `limit` milliseconds */
export async function alone<T>(path: string, limit: number, body: () => Promise<T>): Promise<T> {
  const mine = await take(path, performance.now() + limit);
  try {
    return await body();
  } finally {
    if (readHolder(path) === mine) rmSync(path, { force: true });
  }
}

async function take(path: string, deadline: number): Promise<string> {
  for (;;) {
    const mine = `${process.pid}-${Date.now()}-${Math.round(performance.now() * 1_000)}`;
    if (createDurably(path, mine, 0o600)) return mine;
    const holder = readHolder(path);
    if (holder !== undefined && isDead(holder)) await clear(path, holder, deadline - performance.now());
    else if (performance.now() > deadline) throw locked(holder);
    else await setTimeout(LOOK_MS);
  }
}

/** Held meanwhile: a lock named after the dead one, so that nobody takes away what a third has put in its place. */
function clear(path: string, dead: string, limit: number): Promise<void> {
  return alone(`${path}.${dead}`, limit, async () => {
    if (readHolder(path) === dead) rmSync(path, { force: true });
  });
}

/** @returns undefined where nobody holds it now */
function readHolder(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Where it cannot be told it is alive: then a person decides. */
function isDead(holder: string): boolean {
  const [, pid] = HOLDER.exec(holder) ?? [];
  if (pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

function locked(holder: string | undefined): CliError {
  const [, pid] = HOLDER.exec(holder ?? '') ?? [];
  return new CliError(
    EXIT.conflict,
    'LOCKED',
    `Another dauth command${pid === undefined ? '' : ` (process ${pid})`} is using the sign-in of this data directory.`,
    'Let it end, then give the same command again. If there is no such command, remove login.lock there.',
  );
}
