/**
 * Child processes for tests and the demo: a clean environment, input on stdin, a line that says "ready", all output kept.
 * Ends only what it started, and what came out of that, by its own process id.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface StartOptions {
  readonly file: string;
  readonly args?: readonly string[];
  /** Added to a minimal environment (`cleanEnvironment`); nothing else of the parent's is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to stdin first; secrets go this way and never by `args` or `env`. */
  readonly input?: string | Uint8Array;
  /** Leave stdin open behind `input`, for `send`. Default false. */
  readonly keepStdin?: boolean;
  /** Picks the line of stdout that says the process is ready. Default: the first JSON object with an `event`. */
  readonly isReady?: (line: string) => boolean;
  /** Milliseconds to become ready. Default 60,000: a busy machine is no failure. */
  readonly readyMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** The line that said it was ready. */
  readonly readyLine: string;
  /** All of stdout, and of stderr, so far. */
  stdout(): string;
  stderr(): string;
  /** Writes to stdin (with `keepStdin`). */
  send(text: string): void;
  /** Waits for a later line of stdout that `matches`, or one that has already been written. */
  line(matches: (line: string) => boolean, timeoutMs?: number): Promise<string>;
  /** Resolves when it ended by itself. */
  readonly exited: Promise<Exit>;
  /** SIGTERM (or another), then SIGKILL after `graceMs` (default 5,000). */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<Exit>;
}

/** Starts a process and waits until it is ready. @throws Error with its output where it ends or stalls before that */
export async function start(options: StartOptions): Promise<Running> {
  const child = spawn(options.file, [...(options.args ?? [])], {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const running = new Child(child);
  // A process that ends without reading its input is told by its exit, not by EPIPE.
  child.stdin!.on('error', () => undefined);
  if (options.input !== undefined) child.stdin!.write(options.input);
  if (options.keepStdin !== true) child.stdin!.end();
  running.readyLine = await running
    .line(options.isReady ?? isEvent, options.readyMs ?? 60_000)
    .catch(async (error: unknown) => {
      running.end();
      await running.exited;
      throw error;
    });
  return running;
}

/** Starts a process, lets it end, and gives what it said. Never throws for an exit code: the caller asserts it. */
export async function run(
  options: Omit<StartOptions, 'isReady' | 'readyMs' | 'keepStdin'> & { readonly timeoutMs?: number },
): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  const child = spawn(options.file, [...(options.args ?? [])], {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const running = new Child(child);
  child.stdin!.on('error', () => undefined);
  child.stdin!.end(options.input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
  const exit = await running.exited;
  clearTimeout(timer);
  return { ...exit, stdout: running.stdout(), stderr: running.stderr() };
}

class Child implements Running {
  readonly exited: Promise<Exit>;
  readyLine = '';
  readonly #child: ChildProcess;
  readonly #out: Buffer[] = [];
  readonly #err: Buffer[] = [];
  readonly #lines: string[] = [];
  #waiting: (() => void)[] = [];
  #ended = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout!.on('data', (chunk: Buffer) => this.#out.push(chunk));
    child.stderr!.on('data', (chunk: Buffer) => this.#err.push(chunk));
    createInterface({ input: child.stdout!, crlfDelay: Infinity }).on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#ended = true;
        this.#wake();
        resolve({ code, signal });
      };
      child.on('close', end);
      child.on('error', (error) => {
        this.#err.push(Buffer.from(String(error)));
        end(null, null);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  stdout(): string {
    return Buffer.concat(this.#out).toString('utf8');
  }

  stderr(): string {
    return Buffer.concat(this.#err).toString('utf8');
  }

  send(text: string): void {
    this.#child.stdin!.write(text);
  }

  async line(matches: (line: string) => boolean, timeoutMs = 60_000): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    for (let seen = 0; ;) {
      for (; seen < this.#lines.length; seen++) if (matches(this.#lines[seen]!)) return this.#lines[seen]!;
      const left = deadline - Date.now();
      if (this.#ended || left <= 0)
        throw new Error(`${this.#ended ? 'ended' : 'said nothing'} while a line was awaited\n${this.#report()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 5_000): Promise<Exit> {
    if (!this.#ended) this.#child.kill(signal);
    const timer = setTimeout(() => this.end(), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** With all that came out of it, which has its pipes and would go on without it. */
  end(): void {
    const born = descendants(this.pid);
    this.#child.kill('SIGKILL');
    for (const pid of born) endProcess(pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  #report(): string {
    return `stdout:\n${this.stdout().slice(-4_000)}\nstderr:\n${this.stderr().slice(-4_000)}`;
  }
}

function isEvent(line: string): boolean {
  return line.startsWith('{') && line.includes('"event"');
}

/**
 * What every child gets: enough to find programs, a temporary directory and what Node compiled before, and none of the parent's
 * secrets or proxies.
 */
export function cleanEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_COMPILE_CACHE'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(kept);
}

/** Below what systems give to outgoing connections, of which other tests make hundreds meanwhile; even ones only. */
const PORTS = [12_000, 32_000] as const;

/**
 * A TCP port of 127.0.0.1 that was free a moment ago, and the one behind it, which a stack takes for its second room. Prefer
 * port 0 where the program can say what it got.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 2 * randomInt(PORTS[0] / 2, PORTS[1] / 2);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return false;
  }
  await once(server.close(), 'close');
  return true;
}

/** A fresh directory, removed with everything in it when disposed of. */
export async function makeTempDir(prefix = 'dauth-test-'): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Every process that came out of `pid`, by the system's own table; none where there is no `/proc`. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of listProcesses()) {
    try {
      // The name in parentheses may hold anything; the parent is the second field behind it (proc(5)).
      const parent = Number(readFileSync(`/proc/${name}/stat`, 'latin1').split(') ').at(-1)!.split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      continue; // ended in the meantime
    }
  }
  const found: number[] = [];
  for (const next = [pid]; next.length > 0;) {
    const born = children.get(next.pop()!) ?? [];
    found.push(...born);
    next.push(...born);
  }
  return found;
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return; // ended in the meantime
  }
}

function listProcesses(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}
