/**
 * Numbers that must never go back, kept across runs: a JSON object a line, the highest of each name counts. Lines are only
 * added, so that two commands at once lose nothing. Never starts again silently: only a file that is not there is empty.
 */
import { readFileSync } from 'node:fs';
import { integer, isObject, parseJson } from '@dauth/protocol';
import { appendDurably, codeOf, createDurably } from './files.ts';
import { CliError, EXIT } from './output.ts';

export interface Memory {
  /** The highest number of each name. @throws CliError (integrity) where the file is there and cannot be read whole */
  highest(): ReadonlyMap<string, number>;
  /** Remembers, never lowers. @returns false where a higher number was seen */
  advance(name: string, number: number): boolean;
}

const MAX_LINE = 4_096;

/** @param prepare makes the directory of the file, before the first number is written */
export function openMemory(path: string, prepare: () => void): Memory {
  const highest = (): ReadonlyMap<string, number> => parseLines(readWhole(path));
  return {
    highest,
    advance(name, number) {
      const seen = highest().get(name) ?? 0;
      if (number > seen) {
        const line = `${JSON.stringify({ [name]: number })}\n`;
        prepare();
        if (!createDurably(path, line, 0o600)) appendDurably(path, `\n${line}`);
      }
      // Looked at again: another command may have added a higher one meanwhile.
      return number >= (highest().get(name) ?? 0);
    },
  };
}

function readWhole(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw lost();
  }
}

function parseLines(text: string | undefined): ReadonlyMap<string, number> {
  const highest = new Map<string, number>();
  if (text === undefined) return highest;
  // What stands behind the last line end was never acknowledged: a power cut tore it.
  const whole = text.includes('\n') ? text.slice(0, text.lastIndexOf('\n')) : text;
  const lines = whole.split('\n').filter((line) => line !== '');
  // A file is made with its first line in it: an empty one has lost what it knew.
  if (lines.length === 0) throw lost();
  for (const line of lines) {
    for (const [name, number] of Object.entries(parseLine(line)))
      highest.set(name, Math.max(highest.get(name) ?? 0, number));
  }
  return highest;
}

function parseLine(line: string): Record<string, number> {
  try {
    const value = parseJson(line, MAX_LINE);
    if (!isObject(value)) throw lost();
    return Object.fromEntries(
      Object.entries(value).map(([name, number]) => [name, integer(number, 'A number', 1, Number.MAX_SAFE_INTEGER)]),
    );
  } catch {
    throw lost();
  }
}

function lost(): CliError {
  return new CliError(
    EXIT.integrity,
    'MEMORY_LOST',
    'What this device remembers against rolling back cannot be read, so nothing was sealed or sent.',
    'Restore directory-seq.json and seals.json in the data directory from a backup. Remove them only if you know why they broke.',
  );
}
