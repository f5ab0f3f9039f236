/** The table of docs/memory.md: what looks found, by kind of credential and by version of Node. Made of measurements alone. */
import { KINDS } from './memory-kinds.test-support.ts';
import type { Measured, Rest } from './memory-rest.test-support.ts';

export const NUMBERS = [1, 100, 10_000] as const;
/** Where the page's table stands. */
export const MARKS = /(<!-- memory -->\n\n)[\s\S]*?(\n\n<!-- \/memory -->)/;

/** What was measured of a kind, or why it was not. */
export type Outcome = Measured | string;
/** version → kind → outcome. */
export type Results = Readonly<Record<string, Readonly<Record<string, Outcome>>>>;

export function renderTable(results: Results): string {
  const versions = Object.keys(results).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rows = Object.values(KINDS)
    .flat()
    .map(({ name }) => line([name, ...versions.map((version) => cell(results[version]![name]))]));
  return [
    line(['kind', ...versions.map((version) => `Node ${version}`)]),
    line(['---', ...versions.map(() => '---')]),
    ...rows,
  ].join('\n');
}

/** Whether nothing of the credential or its keys was left anywhere, where each look found what there was. */
export function isClean(outcome: Outcome): boolean {
  if (typeof outcome === 'string') return false;
  const { rests, core } = outcome;
  const looks = typeof core === 'string' ? rests : [...rests, core];
  return looks.every(isCleanRest) && rests.every(({ openingKey }) => openingKey <= rests[0]!.openingKey);
}

function isCleanRest({ copies, pieces, control, openingKey }: Rest): boolean {
  return Object.keys(copies).length + Object.keys(pieces).length === 0 && control > 0 && openingKey > 0;
}

function cell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'NOT CHECKED: not measured yet';
  if (typeof outcome === 'string') return outcome;
  const { rests, core } = outcome;
  const looks = NUMBERS.map((number) => rests.find(({ calls }) => calls === number));
  const image = typeof core === 'string' ? core : describe(core);
  return [...looks.map((rest) => (rest === undefined ? 'not measured' : describe(rest))), image].join(' · ');
}

/** `0`, or what was left and how often. */
function describe({ copies, pieces, control }: Rest): string {
  if (control === 0) return 'NOT CHECKED: the control was not found';
  const sum = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((all, count) => all + count, 0);
  const said = [
    ...(sum(copies) === 0 ? [] : [`**${sum(copies)} copies**`]),
    ...(sum(pieces) === 0 ? [] : [`**${sum(pieces)} pieces**`]),
  ];
  return said.length === 0 ? '0' : said.join(', ');
}
