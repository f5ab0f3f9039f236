/** How the conformance suite's mode `server` ends at the protected server of `server.test.ts`. Data only. */
import type { Run } from './result.ts';

const SKIPPED =
  'The suite does not look: it skips this check at every server until it can read `subscriptions/listen` for it.';

interface ServerRun extends Run {
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
    rows: [
      ['completion-complete', 2],
      ['dns-rebinding-protection', 2],
      ['elicitation-sep1034-defaults', 6],
      ['elicitation-sep1330-enums', 6],
      ['json-schema-2020-12', 8],
      ['logging-set-level', 2],
      ['ping', 2],
      ['prompts-get-embedded-resource', 2],
      ['prompts-get-simple', 2],
      ['prompts-get-with-args', 2],
      ['prompts-get-with-image', 2],
      ['prompts-list', 2],
      ['resources-list', 2],
      ['resources-read-binary', 2],
      ['resources-read-text', 2],
      ['resources-subscribe', 2],
      ['resources-templates-read', 2],
      ['resources-unsubscribe', 2],
      ['server-initialize', 3],
      ['server-session-lifecycle', 3],
      ['server-sse-multiple-streams', 2],
      ['server-sse-polling', 3],
      ['tools-call-audio', 2],
      ['tools-call-elicitation', 2],
      ['tools-call-embedded-resource', 2],
      ['tools-call-error', 2],
      ['tools-call-image', 2],
      ['tools-call-mixed-content', 2],
      ['tools-call-sampling', 2],
      ['tools-call-simple-text', 2],
      ['tools-call-with-logging', 2],
      ['tools-call-with-progress', 2],
      ['tools-list', 3],
    ],
  },
  {
    title: 'A protected server, 2026-07-28',
    command: 'server --requirements 2026-07-28',
    calls: [['--requirements', '2026-07-28']],
    rows: [
      ['caching', 8],
      ['completion-complete', 2],
      ['dns-rebinding-protection', 2],
      ['http-custom-header-server-validation', 10],
      ['http-header-validation', 14],
      ['input-required-result-basic-elicitation', 3],
      ['input-required-result-basic-list-roots', 3],
      ['input-required-result-basic-sampling', 3],
      ['input-required-result-capability-check', 2],
      ['input-required-result-ignore-extra-params', 2],
      ['input-required-result-missing-input-response', 2],
      ['input-required-result-multi-round', 4],
      ['input-required-result-multiple-input-requests', 3],
      ['input-required-result-non-tool-request', 3],
      ['input-required-result-request-state', 3],
      ['input-required-result-result-type', 2],
      ['input-required-result-tampered-state', 2],
      ['input-required-result-unsupported-methods', 2],
      ['input-required-result-validate-input', 3],
      ['json-schema-2020-12', 8],
      ['prompts-get-embedded-resource', 2],
      ['prompts-get-simple', 2],
      ['prompts-get-with-args', 2],
      ['prompts-get-with-image', 2],
      ['prompts-list', 2],
      ['resources-list', 2],
      ['resources-read-binary', 2],
      ['resources-read-text', 2],
      ['resources-templates-read', 2],
      ['sep-2164-resource-not-found', 4],
      ['server-sse-multiple-streams', 1],
      ['server-stateless', 30],
      ['tasks-capability-negotiation', 5],
      ['tasks-dispatch-and-envelope', 9],
      ['tasks-lifecycle', 9],
      ['tasks-mrtr-composition', 2],
      ['tasks-mrtr-input', 4],
      ['tasks-request-headers', 5],
      ['tasks-request-state-removal', 3],
      ['tasks-required-task-error', 3],
      ['tasks-status-notifications', 0, ['tasks-status-notifications SKIPPED'], SKIPPED],
      ['tasks-wire-fields', 4],
      ['tools-call-audio', 2],
      ['tools-call-embedded-resource', 2],
      ['tools-call-error', 2],
      ['tools-call-image', 2],
      ['tools-call-mixed-content', 2],
      ['tools-call-simple-text', 2],
      ['tools-call-with-progress', 2],
      ['tools-list', 4],
    ],
  },
  {
    title: 'A protected server, skills',
    command: 'server --scenario SCENARIO',
    calls: SKILLS.map((scenario) => ['--scenario', scenario]),
    rows: [
      ['sep-2640-skills-directory', 7],
      ['sep-2640-skills-enumeration', 32],
      ['sep-2640-skills-manifest', 6],
    ],
  },
];
