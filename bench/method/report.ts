/** How a run is told: a table for people, a line of JSON for programs. Says of each number whether it can be leant on. */
import type { Missing, Ratio } from './ratio.ts';

/** Numbers beside the ratios: what each contestant did by itself. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What one benchmark came to. */
export interface Outcome {
  readonly ratios: readonly (Ratio | Missing)[];
  readonly tables: readonly Table[];
  /** What was checked in the same run, a sentence each; a check that fails ends the run. */
  readonly held: readonly string[];
}

const HEAD = ['measure', 'ours', 'against', 'its', 'ratio', 'spread', 'must', 'aim', 'reached', 'heats'];

export function ratioTable(ratios: Outcome['ratios']): Table {
  return { title: 'ratios', head: HEAD, rows: ratios.map(cells) };
}

/** Columns of text, one under the other. */
export function renderPlain({ title, head, rows }: Table): string {
  const widths = head.map((name, at) => Math.max(...[name, ...rows.map((row) => row[at] ?? '')].map(widthOf)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => cell + ' '.repeat(widths[at]! - widthOf(cell)))
      .join('  ')
      .trimEnd();
  return [title, ...[head, widths.map((width) => '─'.repeat(width)), ...rows].map((row) => `  ${line(row)}`)].join(
    '\n',
  );
}

export function renderMarkdown({ head, rows }: Pick<Table, 'head' | 'rows'>): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** A number as a person reads it: three digits that count, and no more zeros than they need. */
export function say(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const [whole = '', rest] = value.toFixed(Math.min(digits, 6)).split('.');
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  return rest === undefined ? grouped : `${grouped}.${rest}`;
}

function cells(row: Ratio | Missing): readonly string[] {
  if ('missing' in row) return [row.measure, '', row.against, '', 'not measured', row.missing, '', '', '', ''];
  const { measure, ours, unit, against, peer, ratio, spread, must, aim, met, quiet } = row;
  return [
    ...[measure, `${say(ours)} ${unit}`, against, say(peer), say(ratio), `${say(spread.low)}–${say(spread.high)}`],
    ...[must, aim].map((target) => (target === undefined ? '' : say(target))),
    // What cannot be leant on has reached nothing for certain.
    met === undefined ? '' : `${MET[met]}${quiet ? '' : '?'}`,
    heatsOf(row),
  ];
}

const MET = { aim: 'aim', must: 'must', no: 'not reached' } as const;

/** How many heats stand behind a number, and what became of the others. */
function heatsOf({ n, disturbed, failed, quiet }: Ratio): string {
  const others = [
    ...(disturbed === 0 ? [] : [`${disturbed} disturbed`]),
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(quiet ? [] : ['NOT QUIET']),
  ];
  return [`${n}`, ...others].join(', ');
}

/** Characters, not UTF-16 units. */
function widthOf(text: string): number {
  return Array.from(text).length;
}
