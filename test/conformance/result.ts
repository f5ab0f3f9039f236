/**
 * How scenarios of MCP's conformance suite end, as data: what a run writes into `results.json`, what later runs are held to, and
 * what docs/conformance.md says. Nobody writes it by hand; only the reasons of what is not passed are somebody's words.
 */
import assert from 'node:assert/strict';

/** Of one check, as the suite writes it. */
export interface Check {
  readonly id: string;
  /** `INFO` is a line of the suite's own log. */
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
}

/** Scenario → its checks. */
export type Found = ReadonlyMap<string, readonly Check[]>;

/** How a scenario ended: the number of checks it passed, and the others as `ID STATUS`, in order. */
export interface Ended {
  readonly passed: number;
  readonly others: readonly string[];
}

/** One call of the suite, before it runs: who is tried, how the suite is called, and why a scenario ends as it does. */
export interface Run {
  readonly title: string;
  readonly command: string;
  /** Of each scenario that is not passed whole, and of one that is and needs a word. */
  readonly reasons?: Readonly<Record<string, string>>;
}

/** The same, after it ran: every scenario of it in the order of their names. */
export interface RecordedRun {
  readonly title: string;
  readonly command: string;
  readonly scenarios: Readonly<Record<string, Ended>>;
  /** Scenarios that the suite ran as well, and that nobody of ours was tried by. */
  readonly notTried: readonly string[];
}

export interface Results {
  /** The suite's package and version. */
  readonly suite: string;
  readonly runs: readonly RecordedRun[];
}

/** @param isTried whether a scenario tries us; the others are listed by name */
export function record(
  { title, command }: Run,
  found: Found,
  isTried: (scenario: string) => boolean = () => true,
): RecordedRun {
  const names = [...found.keys()].sort();
  const scenarios = Object.fromEntries(names.filter(isTried).map((name) => [name, endOf(found.get(name)!)]));
  return { title, command, scenarios, notTried: names.filter((name) => !isTried(name)) };
}

function endOf(checks: readonly Check[]): Ended {
  const others = checks.filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO');
  const passed = checks.filter(({ status }) => status === 'SUCCESS').length;
  return { passed, others: others.map(({ id, status }) => `${id} ${status}`).sort() };
}

/** @throws AssertionError where a run ended otherwise than the recorded one of its title, also where it passes now */
export function assertAsRecorded(ran: RecordedRun, { runs }: Results): void {
  const recorded = runs.find(({ title }) => title === ran.title);
  assert.deepEqual(ran, recorded, `"${ran.title}" ended otherwise than results.json says: run "npm run conformance".`);
}

/** @returns a sentence per run that was not recorded, per one that nobody makes, and per result without its reason */
export function findUnexplained(runs: readonly Run[], results: Results): readonly string[] {
  const recorded = new Map(results.runs.map((run) => [run.title, run]));
  const made = new Set(runs.map(({ title }) => title));
  return [
    ...[...recorded.keys()].filter((title) => !made.has(title)).map((title) => `Nobody runs "${title}".`),
    ...runs.flatMap(({ title, reasons = {} }) => {
      const run = recorded.get(title);
      if (run === undefined) return [`"${title}" was not recorded.`];
      const unmet = Object.entries(run.scenarios).filter(([name, { others }]) => others.length > 0 && !reasons[name]);
      const idle = Object.keys(reasons).filter((name) => run.scenarios[name] === undefined);
      return [
        ...unmet.map(([name]) => `"${title}": ${name} is not passed whole, and nobody says why.`),
        ...idle.map((name) => `"${title}": a reason is given for ${name}, which did not run.`),
      ];
    }),
  ];
}
