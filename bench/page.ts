/** docs/performance.md, written of measurements alone: by version of Node, what each benchmark came to and when. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ALL } from './benchmarks.ts';
import type { Benchmark } from './benchmark.ts';
import { describeMachine } from './method/machine.ts';
import { ratioTable, renderMarkdown, type Outcome } from './method/report.ts';

/** One benchmark's outcome, with where and when it was had. */
export interface Kept extends Outcome {
  readonly title: string;
  readonly date: string;
  readonly machine: string;
  readonly quick: boolean;
}

/** version of Node → benchmark → outcome. */
export type Results = Readonly<Record<string, Readonly<Record<string, Kept>>>>;

export const [RESULTS, PAGE] = ['performance.json', 'performance.md'].map((name) =>
  fileURLToPath(new URL(`../../docs/${name}`, import.meta.url)),
) as [string, string];

const HEAD = `# Performance

Written by \`npm run bench -- --write\`; what the words mean, and how it is measured, is in [benchmarks.md](benchmarks.md).
In each heat both ran once; \`ours\` and \`its\` are the medians of all heats, \`ratio\` is the median of the heats' own ratios and so not
exactly the one by the other, and \`spread\` its lowest and highest. Of throughput more is better and a goal is the least, of time, memory and tails
less is better and a goal is the most. \`must\` and \`aim\` are goals of this project, not promises; \`reached\` says which of them was met. \`heats\`
says how many a row is made of, and how many of all were disturbed or failed. In rows marked NOT QUIET some that count were disturbed, because
too few were not; they are good for a first digit of processor time, and their requests per second and latency are not to be quoted. Why goals are
missed is in [benchmarks.md](benchmarks.md#where-the-time-goes).
`;

/** Puts an outcome in the place of the one before, of the same version of Node. */
export async function keep({ name, title }: Benchmark, outcome: Outcome, quick: boolean): Promise<void> {
  const results = JSON.parse(await readFile(RESULTS, 'utf8').catch(() => '{}')) as Results;
  const { node } = process.versions;
  const date = new Date().toISOString().slice(0, 10);
  const kept: Kept = { title, date, machine: describeMachine(), quick, ...outcome };
  const next = { ...results, [node]: { ...results[node], [name]: kept } };
  await writeFile(RESULTS, `${JSON.stringify(next)}\n`);
  await writeFile(PAGE, renderPage(next));
}

export function renderPage(results: Results): string {
  const versions = Object.keys(results).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const sections = versions.flatMap((version) => [
    ...Object.entries(results[version]!).map(([name, kept]) => section(`${name}, Node ${version}`, kept)),
    ...lacking(version, results[version]!),
  ]);
  return [HEAD, ...sections].join('\n');
}

/** What has no figures yet is named: a page that leaves it out would look whole. */
function lacking(version: string, kept: Results[string]): readonly string[] {
  const names = ALL.filter(({ name }) => kept[name] === undefined).map(({ name, title }) => `- ${name}: ${title}.`);
  return names.length === 0 ? [] : [`## Not measured yet on Node ${version}\n\n${names.join('\n')}\n`];
}

function section(heading: string, { title, date, machine, quick, ratios, tables, held }: Kept): string {
  const when = `${title}. ${date}, ${machine}${quick ? ', with `--quick`' : ''}.`;
  return [
    `## ${heading}\n\n${when}\n\n${renderMarkdown(ratioTable(ratios))}\n`,
    ...tables.map((table) => `### ${heading}: ${table.title}\n\n${renderMarkdown(table)}\n`),
    ...(held.length === 0 ? [] : [`In the same run: ${held.join('; ')}.\n`]),
  ].join('\n');
}
