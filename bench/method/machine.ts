/**
 * What processes cost and who else was busy, as the system counts it: time on a processor by thread (schedstat), and how busy the
 * machine was in all. Linux only, and says so elsewhere. Reads counters alone, never what a process holds.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { descendants } from '#test/support/process.js';

/** Units of /proc/stat: USER_HZ, which is 100 on every Linux that Node runs on (proc(5)). */
const TICKS_PER_SECOND = 100;
const NANOSECONDS = 1e9;

/** Why nothing can be measured here, or false. */
export function whyNoMachine(): string | false {
  try {
    readThread(process.pid, process.pid);
    return false;
  } catch {
    return 'NOT MEASURED: this needs Linux, which counts the processor time of each thread (/proc/PID/task/TID/schedstat)';
  }
}

/** Seconds that a process and all that came out of it were on a processor, all threads. */
export function cpuSeconds(pid: number): number {
  return [pid, ...descendants(pid)].reduce((sum, one) => sum + ofProcess(one), 0);
}

/** Most octets that a process and all that came out of it had in memory at once, or have now. */
export function memoryOctets(pid: number, of: 'VmHWM' | 'VmRSS'): number {
  return [pid, ...descendants(pid)].reduce((sum, one) => {
    const [, kibibytes = '0'] = new RegExp(`^${of}:\\s+(\\d+) kB`, 'm').exec(readStatus(one)) ?? [];
    return sum + Number(kibibytes) * 1_024;
  }, 0);
}

/** A measurement that has begun. */
export interface Watch {
  /** What was used since, in seconds on a processor by name, and by somebody else, in processors. */
  readonly read: () => {
    readonly used: Readonly<Record<string, number>>;
    readonly foreign: number;
    readonly seconds: number;
  };
}

/** Begins to measure: processes by name, and everybody who did not come out of this one. */
export function watch(pids: Readonly<Record<string, number>>): Watch {
  const now = () => ({
    at: process.hrtime.bigint(),
    used: Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)] as const),
    own: cpuSeconds(process.pid),
    busy: busySeconds(readFileSync('/proc/stat', 'latin1')),
  });
  const before = now();
  return {
    read() {
      const after = now();
      const seconds = Number(after.at - before.at) / NANOSECONDS;
      const own = after.own - before.own;
      return {
        seconds,
        foreign: Math.max(0, (after.busy - before.busy - own) / seconds),
        used: Object.fromEntries(after.used.map(([name, used], at) => [name, used - before.used[at]![1]])),
      };
    },
  };
}

/**
 * Seconds in which any processor worked, by /proc/stat. Without interrupts, which the system may count to nobody: those of a
 * loopback are our own. What a host took away (steal) counts, for it was somebody else's.
 */
export function busySeconds(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = stat
    .slice('cpu '.length, stat.indexOf('\n'))
    .trim()
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + steal) / TICKS_PER_SECOND;
}

/** The machine in a few words. */
export function describeMachine(): string {
  const all = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${all.length} × ${all[0]?.model.trim() ?? 'unknown processor'}, ${memory}, ${process.platform} ${release()}`;
}

/** A thread that ended in the meantime has taken what it used with it; the servers here keep theirs. */
function ofProcess(pid: number): number {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return 0;
  }
  return threads.reduce((sum, thread) => {
    try {
      return sum + readThread(pid, Number(thread));
    } catch {
      return sum;
    }
  }, 0);
}

/** The first number is nanoseconds on a processor (Documentation/scheduler/sched-stats). */
function readThread(pid: number, thread: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0]) / NANOSECONDS;
}

function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return '';
  }
}
