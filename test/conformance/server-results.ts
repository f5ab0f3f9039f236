/** How the conformance suite's mode `server` ends at the protected server of `server.test.ts`. Data only. */
import type { Run } from './result.ts';

// The server of this run is the SDK's, with the tools, resources and prompts of `everything-server.ts`. What it leaves out is
// asked for without protection in vain, too: the test holds both to the same checks.
const NO_TOOL = 'The server of this run has no tool or prompt of the name that the suite asks for.';
const NO_METHOD = 'The server of this run does not offer this; the SDK answers that there is no such method.';
const NO_SESSION =
  "The SDK's handler answers each request on its own and keeps no session, so there is none to look at, and no stream to take up again.";
const STATELESS =
  'Four checks need tools that the server of this run does not have; two need lists that change while it runs.';
const TASKS = 'Tasks are an extension; the server of this run does not have it.';

interface ServerRun extends Run {
  readonly revision: string;
}

/** Every scenario that a revision asks of a server, and those that the suite runs with them without counting them. */
export const SERVER_RUNS: readonly ServerRun[] = [
  {
    title: 'A protected server, 2025-11-25',
    command: 'server --requirements 2025-11-25',
    revision: '2025-11-25',
    rows: [
      ['completion-complete', 1, ['completion-complete FAILURE'], NO_METHOD],
      ['dns-rebinding-protection', 2],
      ['elicitation-sep1034-defaults', 1, ['elicitation-sep1034-general FAILURE'], NO_TOOL],
      ['elicitation-sep1330-enums', 1, ['elicitation-sep1330-general FAILURE'], NO_TOOL],
      ['json-schema-2020-12', 1, ['json-schema-2020-12-tool-found FAILURE'], NO_TOOL],
      ['logging-set-level', 1, ['logging-set-level FAILURE'], NO_METHOD],
      ['ping', 2],
      ['prompts-get-embedded-resource', 2],
      ['prompts-get-simple', 2],
      ['prompts-get-with-args', 2],
      ['prompts-get-with-image', 2],
      ['prompts-list', 2],
      ['resources-list', 2],
      ['resources-read-binary', 2],
      ['resources-read-text', 2],
      ['resources-subscribe', 1, ['resources-subscribe FAILURE'], NO_METHOD],
      ['resources-templates-read', 2],
      ['resources-unsubscribe', 1, ['resources-unsubscribe FAILURE'], NO_METHOD],
      ['server-initialize', 2],
      ['server-session-lifecycle', 0, [], NO_SESSION],
      ['server-sse-multiple-streams', 0, ['server-sse-multiple-streams-session WARNING'], NO_SESSION],
      [
        'server-sse-polling',
        0,
        ['server-sse-polling-session WARNING', 'server-sse-priming-event WARNING', 'server-sse-retry-field WARNING'],
        NO_SESSION,
      ],
      ['tools-call-audio', 2],
      ['tools-call-elicitation', 1, ['tools-call-elicitation FAILURE'], NO_TOOL],
      ['tools-call-embedded-resource', 2],
      ['tools-call-error', 2],
      ['tools-call-image', 2],
      ['tools-call-mixed-content', 2],
      ['tools-call-sampling', 1, ['tools-call-sampling FAILURE'], NO_TOOL],
      ['tools-call-simple-text', 2],
      ['tools-call-with-logging', 1, ['tools-call-with-logging FAILURE'], NO_METHOD],
      ['tools-call-with-progress', 1, ['tools-call-with-progress FAILURE'], NO_TOOL],
      ['tools-list', 3],
    ],
  },
  {
    title: 'A protected server, 2026-07-28',
    command: 'server --requirements 2026-07-28',
    revision: '2026-07-28',
    rows: [
      ['caching', 8],
      ['completion-complete', 1, ['completion-complete FAILURE'], NO_METHOD],
      ['dns-rebinding-protection', 2],
      [
        'http-custom-header-server-validation',
        1,
        [
          'sep-2243-server-decode-base64 FAILURE',
          'sep-2243-server-no-xmcp-tool FAILURE',
          'sep-2243-server-reject-invalid-param-chars FAILURE',
          'sep-2243-server-reject-param-mismatch FAILURE',
          'sep-2243-server-validate-param-match FAILURE',
        ],
        NO_TOOL,
      ],
      ['http-header-validation', 14],
      ['input-required-result-basic-elicitation', 1, ['sep-2322-elicitation-incomplete FAILURE'], NO_TOOL],
      ['input-required-result-basic-list-roots', 1, ['sep-2322-list-roots-incomplete FAILURE'], NO_TOOL],
      ['input-required-result-basic-sampling', 1, ['sep-2322-sampling-incomplete FAILURE'], NO_TOOL],
      ['input-required-result-capability-check', 1, ['sep-2322-respect-client-capabilities FAILURE'], NO_TOOL],
      ['input-required-result-ignore-extra-params', 1, ['sep-2322-ignore-unexpected-params WARNING'], NO_TOOL],
      ['input-required-result-missing-input-response', 1, ['sep-2322-missing-response-rerequests WARNING'], NO_TOOL],
      ['input-required-result-multi-round', 1, ['sep-2322-multi-round-r1 FAILURE'], NO_TOOL],
      ['input-required-result-multiple-input-requests', 1, ['sep-2322-multiple-inputs-incomplete FAILURE'], NO_TOOL],
      ['input-required-result-non-tool-request', 1, ['sep-2322-non-tool-incomplete FAILURE'], NO_TOOL],
      ['input-required-result-request-state', 1, ['sep-2322-request-state-incomplete FAILURE'], NO_TOOL],
      ['input-required-result-result-type', 1, ['sep-2322-result-type-included FAILURE'], NO_TOOL],
      ['input-required-result-tampered-state', 1, ['sep-2322-reject-tampered-state FAILURE'], NO_TOOL],
      ['input-required-result-unsupported-methods', 2],
      ['input-required-result-validate-input', 3],
      ['json-schema-2020-12', 1, ['json-schema-2020-12-tool-found FAILURE'], NO_TOOL],
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
      [
        'server-stateless',
        24,
        [
          'sep-2575-http-server-no-independent-requests-on-stream FAILURE',
          'sep-2575-missing-capability-http-400 FAILURE',
          'sep-2575-server-no-log-without-loglevel FAILURE',
          'sep-2575-server-rejects-undeclared-capability FAILURE',
          'sep-2575-server-sends-prompts-list-changed-on-subscription WARNING',
          'sep-2575-server-sends-tools-list-changed-on-subscription WARNING',
        ],
        STATELESS,
      ],
      [
        'tasks-capability-negotiation',
        1,
        [
          'sep-2663-server-rejects-undeclared-client FAILURE',
          'sep-2663-tasks-methods-non-declaring FAILURE',
          'tasks-extension-advertised FAILURE',
          'tasks-per-request-meta-opt-in FAILURE',
        ],
        TASKS,
      ],
      [
        'tasks-dispatch-and-envelope',
        3,
        [
          'sep-2663-durable-create-strong-consistency FAILURE',
          'sep-2663-legacy-task-param-ignored FAILURE',
          'sep-2663-tasks-get-invalid-task-id-32602 FAILURE',
          'tasks-immediate-result-shortcut FAILURE',
          'tasks-result-type-complete-on-non-task-responses FAILURE',
          'tasks-server-directed-creation-no-hint FAILURE',
        ],
        TASKS,
      ],
      [
        'tasks-lifecycle',
        1,
        [
          'sep-2663-cancel-ack-empty-result FAILURE',
          'sep-2663-result-type-task-on-create FAILURE',
          'sep-2663-tasks-get-status-completed FAILURE',
          'sep-2663-tasks-get-status-failed FAILURE',
          'sep-2663-tasks-get-status-working FAILURE',
          'sep-2663-tool-error-uses-completed-status FAILURE',
          'tasks-cancel-terminal-idempotent-ack FAILURE',
          'tasks-sync-tool-call FAILURE',
        ],
        TASKS,
      ],
      ['tasks-mrtr-composition', 1, ['sep-2663-mrtr-synchronous-before-task-creation FAILURE'], TASKS],
      [
        'tasks-mrtr-input',
        1,
        [
          'sep-2663-tasks-get-status-input-required FAILURE',
          'tasks-mrtr-partial-fulfillment FAILURE',
          'tasks-mrtr-tasks-update-resumes FAILURE',
        ],
        TASKS,
      ],
      [
        'tasks-request-headers',
        2,
        [
          'sep-2663-routing-headers-accepted-on-tasks-get FAILURE',
          'sep-2663-server-rejects-mismatched-mcp-name-on-tasks-get FAILURE',
          'tasks-headers-tolerate-mcp-method-on-tools-call FAILURE',
        ],
        TASKS,
      ],
      ['tasks-request-state-removal', 1, ['tasks-request-state-removal-setup FAILURE'], TASKS],
      ['tasks-required-task-error', 1, ['sep-2663-server-returns-missing-capability-when-required FAILURE'], TASKS],
      ['tasks-status-notifications', 0, ['tasks-status-notifications SKIPPED'], TASKS],
      [
        'tasks-wire-fields',
        1,
        [
          'tasks-no-early-ttl-expiry FAILURE',
          'tasks-no-related-task-meta-on-inlined-result FAILURE',
          'tasks-wire-field-renames FAILURE',
        ],
        TASKS,
      ],
      ['tools-call-audio', 2],
      ['tools-call-embedded-resource', 2],
      ['tools-call-error', 2],
      ['tools-call-image', 2],
      ['tools-call-mixed-content', 2],
      ['tools-call-simple-text', 2],
      ['tools-call-with-progress', 1, ['tools-call-with-progress FAILURE'], NO_TOOL],
      ['tools-list', 4],
    ],
  },
];
