/** How scenarios of MCP's conformance suite end, as data: what a run is held to, and what docs/conformance.md says. */

/** Of one check, as the suite writes it. */
export interface Check {
  readonly id: string;
  /** `INFO` is a line of the suite's own log. */
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
}

/** A scenario with the number of checks it passed; the others by id and status, and why; or what there is to say of a pass. */
export type Row =
  | readonly [scenario: string, passed: number]
  | readonly [scenario: string, passed: number, others: readonly string[], why: string];

/** One call of the suite, and every scenario of it in the order of their names. */
export interface Run {
  /** Who is tried, by what, and how it is called. */
  readonly title: string;
  readonly command: string;
  readonly rows: readonly Row[];
}

/** What a run is compared by: everything of a row but its reason. */
export type Outcome = readonly [passed: number, others: readonly string[]];

export function outcomeOf(checks: readonly Check[]): Outcome {
  const others = checks.filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO');
  const passed = checks.filter(({ status }) => status === 'SUCCESS').length;
  return [passed, others.map(({ id, status }) => `${id} ${status}`).sort()];
}

export function expectedOf({ rows }: Run): Readonly<Record<string, Outcome>> {
  return Object.fromEntries(rows.map(([scenario, passed, others = []]) => [scenario, [passed, others]]));
}
