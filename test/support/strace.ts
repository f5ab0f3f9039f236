/** Runs a process under `strace` and reads the order of its durable writes and its answers. Linux only; says so elsewhere. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** Calls that make data durable, and calls by which bytes leave a process. */
const TRACED = 'fsync,fdatasync,sync_file_range,write,writev,pwrite64,pwritev,sendto,sendmsg';

export interface SystemCall {
  readonly pid: number;
  readonly name: string;
  /** What the first descriptor is: a path, `TCP:[…]`, `pipe:[…]`; empty where unknown. */
  readonly target: string;
  /** The arguments as strace printed them (strings with C escapes). */
  readonly args: string;
  /** The result; undefined where the call never returned. */
  readonly result: number | undefined;
  /** Position at which the call began, and at which it returned. */
  readonly begun: number;
  readonly returned: number;
}

/** `false` where strace works here, else the reason to skip with. */
export function whyNoStrace(): string | false {
  if (process.platform !== 'linux') return 'NOT CHECKED: strace needs Linux';
  const probe = spawnSync('strace', ['-qq', '-e', 'trace=none', '/bin/true'], { encoding: 'utf8' });
  if (probe.error !== undefined) return 'NOT CHECKED: strace is not installed';
  return probe.status === 0 ? false : 'NOT CHECKED: this system does not let strace attach';
}

/** The command line that runs `file` under strace; the trace goes to `log`. */
export function underStrace(log: string, file: string, args: readonly string[] = []): { file: string; args: string[] } {
  return {
    file: 'strace',
    args: ['-f', '-qq', '-yy', '-s', '2048', '-e', `trace=${TRACED}`, '-e', 'signal=none', '-o', log, file, ...args],
  };
}

/** Reads a trace file. */
export async function readTrace(log: string): Promise<readonly SystemCall[]> {
  return parseTrace(await readFile(log, 'utf8'));
}

const WHOLE = /^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)/s;
const BEGUN = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/s;
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+|\?)/s;

/** Parses strace's lines, joining calls that another thread interrupted. */
export function parseTrace(text: string): readonly SystemCall[] {
  const calls: SystemCall[] = [];
  const open = new Map<string, { args: string; at: number }>();
  const add = (pid: string, name: string, args: string, result: string, begun: number, returned: number): void => {
    calls.push({
      pid: Number(pid),
      name,
      target: targetOf(args),
      args,
      result: result === '?' ? undefined : Number(result),
      begun,
      returned,
    });
  };
  text.split('\n').forEach((line, at) => {
    const resumed = RESUMED.exec(line);
    if (resumed !== null) {
      const [, pid, name, rest, result] = resumed as unknown as [string, string, string, string, string];
      const begun = open.get(`${pid} ${name}`);
      open.delete(`${pid} ${name}`);
      add(pid, name, `${begun?.args ?? ''}${rest}`, result, begun?.at ?? at, at);
      return;
    }
    const begun = BEGUN.exec(line);
    if (begun !== null) {
      open.set(`${begun[1]} ${begun[2]}`, { args: begun[3]!, at });
      return;
    }
    const whole = WHOLE.exec(line);
    if (whole !== null) add(whole[1]!, whole[2]!, whole[3]!, whole[4]!, at, at);
  });
  return calls;
}

/** The path, socket or pipe that `-yy` printed behind the first descriptor. */
function targetOf(args: string): string {
  const from = args.indexOf('<');
  if (from === -1 || !/^\d+$/.test(args.slice(0, from))) return '';
  // `TCP:[127.0.0.1:1->127.0.0.1:2]` holds a `>` of its own, so the end is the `>` before a comma or the end.
  const end = /(?<!-)>(?=,|\)|$| )/.exec(args.slice(from));
  return end === null ? '' : args.slice(from + 1, from + end.index);
}

export function isSync(call: SystemCall): boolean {
  return (call.name === 'fsync' || call.name === 'fdatasync') && call.result === 0;
}

/** Bytes that left by a socket. */
export function isSend(call: SystemCall): boolean {
  return /^(?:write|writev|sendto|sendmsg)$/.test(call.name) && /^(?:TCP|TCPv6|UNIX|UNIX-STREAM)\b/.test(call.target);
}

export interface OrderQuestion {
  /** The file that has to be durable (substring of its path; journal files of a database count by their common prefix). */
  readonly file: string;
  /** The answer: a send whose bytes contain this text. */
  readonly answer: string;
}

/**
 * Whether every write to `file` before the answer was followed by a finished sync of that same file before the answer
 * began. Also false where there was no write or no such answer: nothing was shown then.
 */
export function isDurableBefore(calls: readonly SystemCall[], question: OrderQuestion): boolean {
  const answer = calls.find((call) => isSend(call) && call.args.includes(question.answer));
  if (answer === undefined) return false;
  const writes = calls.filter(
    (call) => /^p?writev?(?:64)?$/.test(call.name) && call.target.includes(question.file) && call.begun < answer.begun,
  );
  if (writes.length === 0) return false;
  return [...new Set(writes.map((call) => call.target))].every((target) => {
    const last = Math.max(...writes.filter((call) => call.target === target).map((call) => call.returned));
    return calls.some(
      (call) => isSync(call) && call.target === target && call.begun > last && call.returned < answer.begun,
    );
  });
}
