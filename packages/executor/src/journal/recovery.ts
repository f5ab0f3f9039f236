/**
 * Finding where a journal ends after whatever happened: whole lines stay, the torn tail of the last write goes.
 * Never overlooks an edit: damage that no torn write explains, or that reaches behind the last checkpoint, stops the start.
 */
import type { JsonObject } from '@dauth/protocol';
import { EMPTY_HEAD, readChain, type Head } from './journal-format.ts';
import { MAX_BATCH, type JournalTail } from './journal.ts';
import type { SegmentFiles } from './segment.ts';

const BLANK = Buffer.alloc(4_096);

export interface Recovery {
  readonly tail: JournalTail;
  /** Records younger than `since`, oldest first. */
  readonly recent: readonly JsonObject[];
  /** Whether the last run ended by itself, or there was none. */
  readonly wasStopped: boolean;
}

/**
 * Opens what is there.
 * @param acknowledged the head of the last checkpoint the authority took
 * @param since milliseconds since the epoch; records at or after it are handed back
 * @throws TypeError with a sentence for the operator where the journal was damaged or cut
 */
export async function recoverJournal(
  files: SegmentFiles,
  acknowledged: Head | undefined,
  since: number,
): Promise<Recovery> {
  const firsts = await files.list();
  const start = firstToRead(firsts, acknowledged);
  let head: Head | undefined = start === 0 ? EMPTY_HEAD : undefined;
  const recent: JsonObject[] = [];
  let last: JsonObject | undefined;
  let end = 0;
  for (let i = await startForRecent(files, firsts, start, since); i < firsts.length; i++) {
    const content = await files.read(firsts[i]!);
    end = 0;
    for (const line of readChain(content, i === 0 ? EMPTY_HEAD : head)) {
      if (line.head.seq === acknowledged?.seq && line.head.hash !== acknowledged.hash) throw damaged('was edited');
      if (end === 0 && line.head.seq !== firsts[i]) throw damaged('has a gap between its files');
      head = line.head;
      end = line.end;
      last = line.record;
      if (isRecent(line.record, since)) recent.push(line.record);
    }
    const rest = content.subarray(end);
    const used = writtenOctets(rest);
    // A whole line that does not follow the one before was not torn: somebody changed one of the two.
    const [stray] = readChain(rest, undefined);
    if (stray !== undefined || (i < firsts.length - 1 && used > 0)) throw damaged('was edited');
    if (used > MAX_BATCH) throw damaged('was edited, or cut in the middle');
    if (i === firsts.length - 1) await wipeTorn(files, firsts[i]!, end, used);
  }
  head ??= EMPTY_HEAD;
  if (acknowledged !== undefined && head.seq < acknowledged.seq) throw damaged('ends before its last checkpoint');
  const lastFirst = firsts.at(-1);
  const segment = lastFirst === undefined ? undefined : await files.open(lastFirst);
  const wasStopped = last === undefined ? head === EMPTY_HEAD : last.kind === 'stop';
  return { tail: { head, segment, offset: end }, recent, wasStopped };
}

/** Index of the segment that holds the acknowledged line, or of the last one. */
function firstToRead(firsts: readonly number[], acknowledged: Head | undefined): number {
  if (acknowledged === undefined) return 0;
  return Math.max(
    0,
    firsts.findLastIndex((first) => first <= acknowledged.seq),
  );
}

/** Goes back further where an earlier segment ends with records that are still recent. */
async function startForRecent(
  files: SegmentFiles,
  firsts: readonly number[],
  start: number,
  since: number,
): Promise<number> {
  let at = start;
  while (at > 0) {
    const [first] = readChain(await files.read(firsts[at]!), undefined);
    if (first !== undefined && !isRecent(first.record, since)) return at;
    at--;
  }
  return at;
}

function isRecent(record: JsonObject, since: number): boolean {
  return typeof record.time === 'string' && Date.parse(record.time) >= since;
}

/** How far something but zeros stands. Whole blocks are compared: a segment is reserved in zeros, so there are megabytes of them. */
function writtenOctets(rest: Buffer): number {
  let end = rest.length;
  while (end >= BLANK.length && rest.compare(BLANK, 0, BLANK.length, end - BLANK.length, end) === 0)
    end -= BLANK.length;
  return rest.subarray(0, end).findLastIndex((octet) => octet !== 0) + 1;
}

async function wipeTorn(files: SegmentFiles, first: number, end: number, used: number): Promise<void> {
  if (used === 0) return;
  const segment = await files.open(first);
  try {
    await segment.write(Buffer.alloc(used), end);
  } finally {
    await segment.close();
  }
}

function damaged(how: string): TypeError {
  return new TypeError(`The audit journal ${how}. Keep it as evidence, restore it from your backup, then start again.`);
}
