/** Under what load dispatches are compared, and with whom. */
import type { Settings } from '../benchmark.ts';
import type { Name } from '../stage/entrants.ts';
import type { Load } from '../stage/contest.ts';

export interface Circumstance {
  /** As it stands behind a measure's name. */
  readonly words: string;
  readonly load: Load;
  readonly against: readonly Name[];
}

const KIB = 1_024;
const MIB = KIB * KIB;
/** Where most calls of tools are: an answer of 1 KiB, and some of them at once. */
export const USUAL = { callers: 16, octets: KIB };
/** A hundred at a time would be measured in minutes. */
const LARGEST = 100 * MIB;

/** Closed loops, each a change of one thing from the usual load. */
export function circumstances({ quick }: Pick<Settings, 'quick'>): readonly Circumstance[] {
  const seconds = quick ? 1 : 3;
  const peers: readonly Name[] = ['pooled', 'naive'];
  const load = (over: Partial<Load>): Load => ({ ...USUAL, seconds, ...over });
  const callers = (quick ? [1, 64] : [1, 64, 256]).map((count) => load({ callers: count }));
  const sizes = (quick ? [MIB] : [200, 64 * KIB, MIB]).map((octets) => load({ octets }));
  const whole = quick ? [] : [load({ callers: 2, octets: LARGEST })];
  return [
    { words: wordsOf(load({})), load: load({}), against: [...peers, 'handshakes', 'buffered'] },
    ...[...callers, ...sizes, ...whole].map((load) => ({ words: wordsOf(load), load, against: peers })),
  ];
}

/** All sizes of answers that any of them has. */
export function sizesOf(all: readonly Circumstance[]): readonly number[] {
  return [...new Set(all.map(({ load }) => load.octets))];
}

/** Whether what counts are octets rather than requests. */
export function isStream({ octets }: Load): boolean {
  return octets >= MIB;
}

function wordsOf({ callers, octets }: Load): string {
  return `${callers} ${callers === 1 ? 'caller' : 'callers'}, ${sayOctets(octets)}`;
}

function sayOctets(octets: number): string {
  return octets >= MIB ? `${octets / MIB} MiB` : octets >= KIB ? `${octets / KIB} KiB` : `${octets} B`;
}
