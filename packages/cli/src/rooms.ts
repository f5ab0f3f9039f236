/**
 * Starts the other rooms as processes, by path, with a clean environment. The one file that spawns; nothing is imported
 * from the rooms, and nothing but their ready lines is read.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { CliError, EXIT } from './output.ts';

export interface Room {
  readonly name: 'authority' | 'executor';
  readonly process: ChildProcess;
  readonly pid: number;
  /** The room's `listening` line. */
  readonly listening: Readonly<Record<string, unknown>>;
  /** Settles with the exit code when the process ends. */
  readonly ended: Promise<number>;
}

/** Where the rooms' entry scripts are; a test may name others. */
export interface RoomPaths {
  readonly authority: string;
  readonly executor: string;
}

export function installedRooms(): RoomPaths {
  const resolve = createRequire(import.meta.url).resolve;
  return {
    authority: join(dirname(resolve('@dauth/authority/package.json')), 'dist', 'main.js'),
    executor: join(dirname(resolve('@dauth/executor/package.json')), 'dist', 'launch.js'),
  };
}

/** Names a child may inherit. Proxies, NODE_OPTIONS, tokens in the shell: none of them gets in. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'SystemRoot'];
const START_MS = 30_000;

/** The room's exit codes where its configuration contradicts itself, and where somebody else listens at its address. */
const [EXIT_CONFIG, EXIT_CONFLICT] = [2, 8];

/**
 * Starts a room and waits for its `listening` line.
 * @param logs directory for what the room says; default: this process's stderr
 */
export async function startRoom(name: Room['name'], script: string, config: object, logs?: string): Promise<Room> {
  const env: NodeJS.ProcessEnv = { DAUTH_RESOLVED_CONFIG: JSON.stringify(config) };
  for (const key of INHERITED) if (process.env[key] !== undefined) env[key] = process.env[key];
  const log = logs === undefined ? undefined : openSync(join(logs, `${name}.log`), 'a', 0o600);
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', log ?? 'inherit'] });
  if (log !== undefined) closeSync(log);
  const ended = new Promise<number>((resolve) =>
    child.on('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128))),
  );
  const lines = createInterface({ input: child.stdout! });
  const listening = new Promise<Record<string, unknown>>((resolve) => {
    lines.on('line', (line) => {
      try {
        const event = JSON.parse(line) as Record<string, unknown>;
        if (event.event === 'listening') resolve(event);
      } catch {
        // Not a line of ours.
      }
    });
  });
  const failed = ended.then((code) => {
    if (code === EXIT_CONFLICT) throw addressInUse(name);
    const where = logs === undefined ? 'what it said is above' : `what it said is in ${join(logs, `${name}.log`)}`;
    const exit = code === EXIT_CONFIG ? EXIT.usage : EXIT.unexpected;
    throw new CliError(exit, 'ROOM_FAILED', `The ${name} did not start (exit code ${code}); ${where}.`);
  });
  failed.catch(() => undefined);
  const event = await Promise.race([listening, failed, timeout(START_MS, name)]);
  return { name, process: child, pid: Number(event.pid ?? child.pid), listening: event, ended };
}

function addressInUse(name: string): CliError {
  return new CliError(
    EXIT.conflict,
    'ADDRESS_IN_USE',
    `The ${name} did not start: somebody else listens at its address already.`,
    'Is another stack running? Stop it, or choose another port: --port N (0 picks free ones), or "listen" in the configuration.',
  );
}

/** Below what systems give to outgoing connections, which could take a port before its room does. */
const [LOWEST_PORT, PORTS] = [12_000, 20_000];

/** Two ports of 127.0.0.1, one behind the other, that were free a moment ago. A room that finds its own taken fails aloud. */
export async function freePorts(): Promise<readonly [authority: number, executor: number]> {
  // Each process looks elsewhere first: two stacks that start together should not meet.
  for (let tries = 0; tries < PORTS; tries += 2) {
    const port = LOWEST_PORT + ((2 * process.pid + tries) % PORTS);
    if ((await isFree(port)) && (await isFree(port + 1))) return [port, port + 1];
  }
  throw new CliError(EXIT.conflict, 'ADDRESS_IN_USE', 'No two ports are free.', 'Choose one yourself: --port N.');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function timeout(ms: number, name: string): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref());
  throw new CliError(EXIT.timeout, 'TIMEOUT', `The ${name} did not start in time.`);
}
