/**
 * The memory scanner's process: a job and the secrets' bytes come in on stdin, one JSON line per searched process goes out.
 * Reads other processes only, through /proc/PID/maps, pagemap and mem; never writes there, never prints a secret.
 */
import { openSync, readFileSync, readSync, closeSync } from 'node:fs';
import { needlesOfJob, type ScanJob, type ScanNeedle, type ScanResult } from './memscan.ts';

const CHUNK = 4 * 1_048_576;
const PAGE = 4_096;
/** Bits 63 and 62 of a pagemap entry: in memory, or swapped out (Documentation/admin-guide/mm/pagemap). */
const PRESENT = 0xc0;

interface Span {
  readonly from: number;
  readonly to: number;
}

function readJob(): { job: ScanJob; secrets: Buffer[] } {
  const input = readFileSync(0);
  const end = input.indexOf(0x0a);
  const parsed = JSON.parse(input.subarray(0, end).toString('utf8')) as ScanJob;
  let at = end + 1;
  return { job: parsed, secrets: parsed.secrets.map(({ length }) => input.subarray(at, (at += length))) };
}

function scan(target: { name: string; pid: number }, needles: readonly ScanNeedle[]): ScanResult {
  const refuse = (reason: string): ScanResult => ({ ...target, state: 'NOT CHECKED', reason });
  if (target.pid === process.pid) return refuse('the scanner holds the secrets itself and is exempt');
  if (process.platform !== 'linux') return refuse('this system has no /proc/PID/mem');
  const open: number[] = [];
  try {
    const maps = readFileSync(`/proc/${target.pid}/maps`, 'latin1');
    const mem = openSync(`/proc/${target.pid}/mem`, 'r');
    open.push(mem);
    const pagemap = openSync(`/proc/${target.pid}/pagemap`, 'r');
    open.push(pagemap);
    const tally = new Tally();
    for (const span of residentSpans(maps, pagemap)) search(mem, span, needles, tally);
    if (tally.scanned === 0) return refuse('no page of it could be read');
    return { ...target, state: 'CHECKED', ...tally.report() };
  } catch (error) {
    return refuse(reasonOf(error));
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

/**
 * Runs of pages that hold something, of every mapping whatever its protection: a secret in memory its owner has locked away
 * (PROT_NONE) is still in memory. What was only reserved is passed over, or a JavaScript heap would count as terabytes.
 */
function* residentSpans(maps: string, pagemap: number): Generator<Span> {
  for (const line of maps.split('\n')) {
    const [, from, to, name] = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)$/.exec(line) ?? [];
    if (from === undefined || to === undefined || name === '[vsyscall]' || name === '[vvar]') continue;
    yield* resident({ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }, pagemap);
  }
}

function* resident(region: Span, pagemap: number): Generator<Span> {
  const entries = Buffer.alloc(8 * 65_536);
  let begin = -1;
  for (let at = region.from; at < region.to;) {
    const wanted = Math.min(entries.length, ((region.to - at) / PAGE) * 8);
    const got = readSync(pagemap, entries, 0, wanted, (at / PAGE) * 8);
    if (got <= 0) break;
    for (let entry = 0; entry + 8 <= got; entry += 8, at += PAGE) {
      const isThere = (entries[entry + 7]! & PRESENT) !== 0;
      if (isThere && begin === -1) begin = at;
      if (!isThere && begin !== -1) {
        yield { from: begin, to: at };
        begin = -1;
      }
    }
  }
  if (begin !== -1) yield { from: begin, to: region.to };
}

/** Reads a span in chunks that overlap by the longest needle, and counts each occurrence once. */
function search(mem: number, span: Span, needles: readonly ScanNeedle[], tally: Tally): void {
  const overlap = Math.max(...needles.map((needle) => needle.bytes.length)) - 1;
  const buffer = Buffer.allocUnsafe(CHUNK + overlap);
  let kept = 0;
  for (let at = span.from; at < span.to;) {
    const got = readAt(mem, buffer, kept, Math.min(CHUNK, span.to - at), at);
    if (got === 0) {
      tally.unreadable += PAGE;
      at += PAGE;
      kept = 0;
      continue;
    }
    tally.scanned += got;
    at += got;
    const filled = buffer.subarray(0, kept + got);
    for (const needle of needles) tally.add(needle, occurrences(filled, needle.bytes, kept));
    const keep = Math.min(overlap, filled.length);
    filled.copyWithin(0, filled.length - keep);
    kept = keep;
  }
}

/** Occurrences that end behind `kept`: those within the part kept from the chunk before were counted there. */
function occurrences(filled: Buffer, bytes: Buffer, kept: number): number {
  let count = 0;
  const first = Math.max(0, kept - bytes.length + 1);
  for (let at = filled.indexOf(bytes, first); at !== -1; at = filled.indexOf(bytes, at + 1)) count++;
  return count;
}

function readAt(mem: number, buffer: Buffer, offset: number, length: number, position: number): number {
  try {
    return readSync(mem, buffer, offset, length, position);
  } catch (error) {
    // EIO: a page that is a device's, or went away since the map was read. Anything else is a reason not to say CHECKED.
    if ((error as NodeJS.ErrnoException).code === 'EIO' || (error as NodeJS.ErrnoException).code === 'EFAULT') return 0;
    throw error;
  }
}

class Tally {
  scanned = 0;
  unreadable = 0;
  readonly #found: Record<string, Record<string, number>> = {};
  readonly #pieces: Record<string, Set<string>> = {};

  add(needle: ScanNeedle, count: number): void {
    if (count === 0) return;
    if (needle.isPiece) {
      (this.#pieces[needle.secret] ??= new Set()).add(needle.encoding);
      return;
    }
    const counts = (this.#found[needle.secret] ??= {});
    counts[needle.encoding] = (counts[needle.encoding] ?? 0) + count;
  }

  report(): {
    scanned: number;
    unreadable: number;
    found: Record<string, Record<string, number>>;
    pieces: Record<string, number>;
  } {
    const pieces = Object.fromEntries(Object.entries(this.#pieces).map(([secret, windows]) => [secret, windows.size]));
    return { scanned: this.scanned, unreadable: this.unreadable, found: this.#found, pieces };
  }
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  // Not the system's no but a defect of ours: that must not read as a reason.
  if (code === undefined) throw error;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `this system does not let the scanner read that process (${code})`;
    case 'ENOENT':
    case 'ESRCH':
      return `there is no such process, or no /proc (${code})`;
    default:
      return `reading its memory failed (${code})`;
  }
}

// Last, so that everything above is defined.
const { job, secrets } = readJob();
const needles = needlesOfJob(job, secrets);
for (const target of job.processes) process.stdout.write(`${JSON.stringify(scan(target, needles))}\n`);
