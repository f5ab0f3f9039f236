/** Numbers as people type them after a flag. Never a default: that is the command's. */
import { usage } from './output.ts';

/** @throws CliError (usage) */
export function wholeNumber(value: string, flag: string, least: number, most: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : NaN;
  if (!(number >= least && number <= most)) throw usage(`${flag} is a whole number from ${least} to ${most}.`);
  return number;
}

/** `--expires-in`: ten years at most. */
export function days(value: string): number {
  return wholeNumber(value, '--expires-in', 1, 3_650);
}
