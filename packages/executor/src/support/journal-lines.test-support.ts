/** The journal of an executor as it stands on disk. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type JournalLine = Readonly<Record<string, unknown>> & { readonly seq: number; readonly kind: string };

/** Every whole line of a journal's files, in order. */
export function readJournal(directory: string): readonly JournalLine[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name) => linesOf(readFileSync(join(directory, name))))
    .map((line) => JSON.parse(line) as JournalLine);
}

/** Whole lines, up to the zeros that no line has been written over. */
function linesOf(segment: Buffer): readonly string[] {
  const end = segment.indexOf(0);
  return segment
    .toString('utf8', 0, end < 0 ? segment.length : end)
    .split('\n')
    .slice(0, -1);
}
