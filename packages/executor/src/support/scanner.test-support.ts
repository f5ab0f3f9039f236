/** Looks through another process's whole memory for byte strings. Used by the proof of `memory.clean` only. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface Needle {
  readonly name: string;
  readonly bytes: Buffer;
}

export interface Finding {
  readonly needle: string;
  readonly region: string;
  readonly address: number;
  readonly around: string;
}

const STEP = 4 * 1_048_576;
/** Octets of a page where `usedRuns` knows it. */
const PAGE = 4_096;
/** Unused pages between used ones that are looked at rather than jumped over. */
const GAP = 16;

/**
 * Whether this system lets us look at a child's memory: null, or why a test may say that it skipped the look.
 * @throws Error where everything must be checked (`CI`): there a look that is forbidden is no skip but a failure
 */
export function canLook(pid: number): string | null {
  try {
    closeSync(openSync(`/proc/${pid}/mem`, 'r'));
    return null;
  } catch (error) {
    const why = `NOT CHECKED: /proc/PID/mem cannot be read here (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
    if ((process.env.CI ?? '') !== '') throw new Error(why, { cause: error });
    return why;
  }
}

interface Region {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Every occurrence in every readable page that a process ever used. */
export async function findInMemory(pid: number, needles: readonly Needle[]): Promise<Finding[]> {
  const regions = readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .flatMap((line): Region[] => {
      const [, start, end, shared, name] = /^([0-9a-f]+)-([0-9a-f]+) r..(.) \S+ \S+ \S+ *(.*)$/.exec(line) ?? [];
      if (start === undefined || end === undefined || name === '[vvar]' || name === '[vsyscall]') return [];
      const whole = { name: name || 'anonymous', from: Number.parseInt(start, 16), to: Number.parseInt(end, 16) };
      return shared === 's' ? [whole] : usedRuns(pid, whole);
    });
  return find(`/proc/${pid}/mem`, regions, needles);
}

/**
 * The parts of a private region that the process has pages of its own for, in memory or swapped out (proc(5), `pagemap`). The
 * others are nothing but zeros, or what the mapped file holds: Node reserves ten times what it uses.
 */
function usedRuns(pid: number, region: Region): Region[] {
  if (process.arch !== 'x64') return [region];
  const entries = Buffer.alloc(((region.to - region.from) / PAGE) * 8);
  try {
    const pagemap = openSync(`/proc/${pid}/pagemap`, 'r');
    try {
      if (readSync(pagemap, entries, 0, entries.length, (region.from / PAGE) * 8) < entries.length) return [region];
    } finally {
      closeSync(pagemap);
    }
  } catch {
    return [region];
  }
  // What has no name on a disk may have been written by whoever has it open.
  const isOfDisk = /^\/(?!memfd:|dev\/).*(?<! \(deleted\))$/.test(region.name);
  const runs: Region[] = [];
  for (let page = 0, from = -1, last = -1; page <= entries.length / 8; page++) {
    const isEnd = page === entries.length / 8;
    const state = isEnd ? 0 : entries[page * 8 + 7]! >> 5;
    // Bit 63: present; bit 62: swapped out; bit 61: as in the file, never written through here.
    const isUsed = state >= 0b010 && !(isOfDisk && (state & 0b001) === 1);
    if (from >= 0 && (isEnd || page - last > GAP)) {
      runs.push({ ...region, from: region.from + from * PAGE, to: region.from + (last + 1) * PAGE });
      from = -1;
    }
    if (isUsed) [from, last] = [from < 0 ? page : from, page];
  }
  return runs;
}

/** Every occurrence in a file, such as a core image. */
export function findInFile(path: string, needles: readonly Needle[]): Promise<Finding[]> {
  return find(path, [{ name: 'file', from: 0, to: statSync(path).size }], needles);
}

/** Places for what needles begin with: so many that hardly any place of memory is looked up in vain. */
const STARTS = 1 << 20;

function slotOf(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> 12;
}

/**
 * In one pass over the regions. Needles are 4 octets or longer. Takes turns with whatever else this process does: the upstream
 * that the looked-at process calls may live here.
 */
async function find(path: string, regions: readonly Region[], needles: readonly Needle[]): Promise<Finding[]> {
  const longest = Math.max(...needles.map(({ bytes }) => bytes.length));
  const starts = new Uint8Array(STARTS);
  const byStart = new Map<number, Needle[]>();
  for (const needle of needles) {
    const key = needle.bytes.readInt32LE(0);
    starts[slotOf(key)] = 1;
    byStart.set(key, [...(byStart.get(key) ?? []), needle]);
  }
  const memory = openSync(path, 'r');
  const window = Buffer.alloc(STEP + longest);
  const found: Finding[] = [];
  const look = (region: string, at: number, length: number): void => {
    const last = Math.min(STEP, length - 3);
    if (last < 1) return;
    // The octets i to i + 3, as readInt32LE reads them.
    let key = window.readUIntLE(0, 3) << 8;
    for (let i = 0; i < last; i++) {
      key = (key >>> 8) | (window[i + 3]! << 24);
      if (starts[slotOf(key)] === 0) continue;
      for (const { name, bytes } of byStart.get(key) ?? []) {
        if (i + bytes.length > length || bytes.compare(window, i, i + bytes.length) !== 0) continue;
        const around = window
          .toString('latin1', Math.max(0, i - 24), Math.min(length, i + 48))
          .replaceAll(/[^ -~]/g, '.');
        found.push({ needle: name, region, address: at + i, around });
      }
    }
  };
  try {
    for (const { name, from, to } of regions) {
      for (let at = from; at < to; at += STEP) {
        try {
          const length = readSync(memory, window, 0, Math.min(STEP + longest - 1, to - at), at);
          look(name, at, length);
        } catch {
          continue; // a region that went away, or a guard page
        }
        await nextTurn();
      }
    }
  } finally {
    closeSync(memory);
  }
  return found;
}

/** A secret in the forms in which it could lie about. */
export function needlesOf(name: string, secret: Buffer): Needle[] {
  const forms: Record<string, Buffer> = {
    raw: secret,
    hex: Buffer.from(secret.toString('hex')),
    HEX: Buffer.from(secret.toString('hex').toUpperCase()),
    percent: Buffer.from([...secret].map((b) => `%${b.toString(16).padStart(2, '0').toUpperCase()}`).join('')),
    'percent in lower case': Buffer.from([...secret].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('')),
    JSON: Buffer.from(JSON.stringify(secret.toString('latin1')).slice(1, -1), 'latin1'),
    reversed: Buffer.from(secret.toReversed()),
    utf16le: Buffer.from(secret.toString('latin1'), 'utf16le'),
    utf16be: Buffer.from(secret.toString('latin1'), 'utf16le').swap16(),
  };
  for (const shift of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(shift), secret]);
    const cut = [0, 2, 3][shift]!;
    const whole = Math.floor((shifted.length * 8) / 6);
    forms[`base64+${shift}`] = Buffer.from(shifted.toString('base64').slice(cut, whole));
    forms[`base64url+${shift}`] = Buffer.from(shifted.toString('base64url').slice(cut, whole));
  }
  // What is the same in two forms is looked for once.
  const distinct = new Map(
    Object.entries(forms)
      .toReversed()
      .map(([form, bytes]) => [bytes.toString('latin1'), form]),
  );
  return Object.entries(forms)
    .filter(([form, bytes]) => distinct.get(bytes.toString('latin1')) === form)
    .map(([form, bytes]) => ({ name: `${name} ${form}`, bytes }));
}

/** Every run of `length` octets of a secret. */
export function piecesOf(name: string, secret: Buffer, length = 8): Needle[] {
  return Array.from({ length: secret.length - length + 1 }, (_, i) => ({
    name: `${name} [${i}..${i + length}]`,
    bytes: secret.subarray(i, i + length),
  }));
}
