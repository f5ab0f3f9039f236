/** Numbers as people type them after a flag. Never a default: that is the command's. */
import type { Quota } from '@dauth/protocol';
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

const UNITS: ReadonlyMap<string, number> = new Map([
  ['second', 1],
  ['minute', 60],
  ['hour', 3_600],
  ['day', 86_400],
]);

/** `COUNT/UNIT` or `COUNT/SECONDS`: 60/minute, 5/10s. What it may be, the codec says. @throws CliError (usage) */
export function quota(value: string, flag: string): Quota {
  const [, count, unit, seconds] = /^(\d{1,10})\/(?:(second|minute|hour|day)|(\d{1,7})s)$/.exec(value) ?? [];
  if (count === undefined)
    throw usage(
      `${flag} is COUNT/second, COUNT/minute, COUNT/hour, COUNT/day or COUNT/SECONDSs, as in 60/minute or 5/10s.`,
    );
  return { count: Number(count), seconds: unit === undefined ? Number(seconds) : UNITS.get(unit)! };
}
