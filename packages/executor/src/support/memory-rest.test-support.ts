/** What looks into a process found, by what it is of. */
import type { Finding } from './scanner.test-support.ts';

/** What one look found. */
export interface Rest {
  /** Calls so far, in all. */
  readonly calls: number;
  /** Whole copies in any spelling by name, and different pieces of eight octets by the name of what they are a piece of. */
  readonly copies: Readonly<Record<string, number>>;
  readonly pieces: Readonly<Record<string, number>>;
  /** How often what was planted was found: nothing else counts where this is 0. */
  readonly control: number;
  readonly openingKey: number;
}

/** A second after each number of calls, and in the core image made last, or why there was none. */
export interface Measured {
  readonly rests: readonly Rest[];
  readonly core: Rest | string;
}

export function count(findings: readonly Finding[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { needle } of findings) counts[needle] = (counts[needle] ?? 0) + 1;
  return counts;
}

/** Findings by what they are of; a piece's name ends with its place, `[3..11]`. */
export function restOf(calls: number, findings: readonly Finding[]): Rest {
  const { control = 0, ...found } = count(findings);
  const entries = Object.entries(found);
  const pieces: Record<string, number> = {};
  for (const [name] of entries.filter(([name]) => name.endsWith(']'))) {
    const of = name.slice(0, name.lastIndexOf(' '));
    pieces[of] = (pieces[of] ?? 0) + 1;
  }
  const isKey = (name: string): boolean => name.startsWith('opening key ');
  const copies = Object.fromEntries(entries.filter(([name]) => !name.endsWith(']') && !isKey(name)));
  const openingKey = entries.filter(([name]) => isKey(name)).reduce((sum, [, times]) => sum + times, 0);
  return { calls, copies, pieces, control, openingKey };
}
