/**
 * Searches the whole address space of running processes for secrets in every spelling. The search runs in a process of its
 * own (`memscan-main.ts`), which learns the secrets from its stdin and is never one of the searched.
 */
import { fileURLToPath } from 'node:url';
import { needlesOf, piecesOf } from './encodings.ts';
import { run, start, type Running } from './process.ts';

export interface ScanRequest {
  readonly secrets: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
  /** Also search for every window of this many octets (8 or more) of each secret. Default: whole secrets only. */
  readonly pieces?: number;
}

export interface CheckedProcess {
  readonly name: string;
  readonly pid: number;
  readonly state: 'CHECKED';
  /** Octets of resident and swapped memory that were read, and octets that could not be (device pages, pages gone meanwhile). */
  readonly scanned: number;
  readonly unreadable: number;
  /** secret name → spelling → how often it was found; only what was found is listed. */
  readonly found: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** secret name → how many different windows of it were found (with `pieces`); only what was found is listed. */
  readonly pieces: Readonly<Record<string, number>>;
}

export interface UncheckedProcess {
  readonly name: string;
  readonly pid: number;
  readonly state: 'NOT CHECKED';
  readonly reason: string;
}

export type ScanResult = CheckedProcess | UncheckedProcess;

/** What the scanner reads as its first line of stdin; the secrets' bytes follow it, one behind the other. */
export interface ScanJob {
  readonly secrets: readonly { readonly name: string; readonly length: number }[];
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
  readonly pieces: number;
}

/** One needle of a job, with what to count it under. */
export interface ScanNeedle {
  readonly secret: string;
  readonly encoding: string;
  readonly bytes: Buffer;
  readonly isPiece: boolean;
}

/** Fewer octets than this occur by chance in hundreds of megabytes. */
const SHORTEST_PIECE = 8;

/** Scans in a process of its own. @throws Error where the scanner itself fails; what cannot be looked at is a result */
export async function scanMemory(request: ScanRequest): Promise<readonly ScanResult[]> {
  const job: ScanJob = {
    secrets: request.secrets.map(({ name, bytes }) => ({ name, length: bytes.length })),
    processes: request.processes,
    pieces: request.pieces ?? 0,
  };
  const input = Buffer.concat([Buffer.from(`${JSON.stringify(job)}\n`), ...request.secrets.map(({ bytes }) => bytes)]);
  const ended = await run({ file: process.execPath, args: [mainOf('memscan-main')], input, timeoutMs: 300_000 });
  if (ended.code !== 0) throw new Error(`the memory scanner failed (${ended.code ?? ended.signal}): ${ended.stderr}`);
  return ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ScanResult);
}

/** The needles of a job. */
export function needlesOfJob(job: ScanJob, secrets: readonly Buffer[]): readonly ScanNeedle[] {
  if (job.pieces !== 0 && job.pieces < SHORTEST_PIECE)
    throw new Error(`pieces must have at least ${SHORTEST_PIECE} octets`);
  return job.secrets.flatMap(({ name }, index) => {
    const secret = secrets[index]!;
    const whole = needlesOf(secret).map((needle) => ({ secret: name, ...needle, isPiece: false }));
    const pieces = job.pieces === 0 ? [] : piecesOf(secret, job.pieces);
    return [...whole, ...pieces.map((bytes, at) => ({ secret: name, encoding: `piece@${at}`, bytes, isPiece: true }))];
  });
}

/** True where nothing at all of any secret was found. `NOT CHECKED` is not clean. */
export function isClean(result: ScanResult): boolean {
  return (
    result.state === 'CHECKED' && Object.keys(result.found).length === 0 && Object.keys(result.pieces).length === 0
  );
}

/** One line for people. */
export function describeScan(result: ScanResult): string {
  if (result.state === 'NOT CHECKED') return `${result.name} (pid ${result.pid}): NOT CHECKED: ${result.reason}`;
  const found = [
    ...Object.entries(result.found).flatMap(([secret, counts]) =>
      Object.entries(counts).map(([encoding, count]) => `${secret} as ${encoding} ×${count}`),
    ),
    ...Object.entries(result.pieces).map(([secret, count]) => `${count} pieces of ${secret}`),
  ];
  const size = `${(result.scanned / 1_048_576).toFixed(0)} MiB`;
  return `${result.name} (pid ${result.pid}): CHECKED ${size}: ${found.length === 0 ? 'nothing found' : `FOUND ${found.join(', ')}`}`;
}

/** The positive control: a process that holds `planted` in its memory and must be found with it. */
export async function startControl(planted: Uint8Array): Promise<Running> {
  const input = Buffer.concat([Buffer.from(`${planted.length}\n`), planted]);
  return start({ file: process.execPath, args: [mainOf('memscan-control')], input, keepStdin: true });
}

function mainOf(name: string): string {
  return fileURLToPath(new URL(`./${name}.js`, import.meta.url));
}
