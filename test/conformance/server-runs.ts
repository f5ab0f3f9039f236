/** How the conformance suite's mode `server` is called for the protected server, and why it ends as it does. Data only. */
import type { Run } from './result.ts';

const SKIPPED =
  'The suite does not look: it skips this check at every server until it can read `subscriptions/listen` for it.';

export interface ServerRun extends Run {
  /** For the suite's command line: what it is called with, one call after the other. */
  readonly calls: readonly (readonly string[])[];
}

const SKILLS = ['sep-2640-skills-directory', 'sep-2640-skills-enumeration', 'sep-2640-skills-manifest'];

/**
 * Every scenario that a revision asks of a server, those that the suite runs with them without counting them, and those of the
 * one extension that no revision names.
 */
export const SERVER_RUNS: readonly ServerRun[] = [
  {
    title: 'A protected server, 2025-11-25',
    command: 'server --requirements 2025-11-25',
    calls: [['--requirements', '2025-11-25']],
  },
  {
    title: 'A protected server, 2026-07-28',
    command: 'server --requirements 2026-07-28',
    calls: [['--requirements', '2026-07-28']],
    reasons: { 'tasks-status-notifications': SKIPPED },
  },
  {
    title: 'A protected server, skills',
    command: 'server --scenario SCENARIO',
    calls: SKILLS.map((scenario) => ['--scenario', scenario]),
  },
];
