/**
 * The core image that the system makes of a process that is aborted, where it leaves one in the process's directory: its memory
 * and, unlike what /proc shows, the registers of each thread. Only for the proofs of `memory.clean`.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why no image can be had here; null where one can. Before the process is aborted. */
export function permitCore(pid: number): string | null {
  try {
    const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'latin1').trim();
    if (/^[|/]/.test(pattern)) return `NOT CHECKED: core images go to "${pattern}" here`;
    execFileSync('prlimit', ['--pid', String(pid), '--core=unlimited'], { stdio: 'ignore' });
    return null;
  } catch (error) {
    return `NOT CHECKED: no core image can be asked for here (${(error as NodeJS.ErrnoException).code ?? 'refused'})`;
  }
}

/** The image that was left in the directory of its own that the process had; null where there is none. */
export function findCore(dir: string): string | null {
  const [name] = readdirSync(dir);
  return name === undefined ? null : join(dir, name);
}
