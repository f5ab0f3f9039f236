/** The part of docs/conformance.md about MCP's conformance suite: counts per run, then every scenario with its result. */
import { RUNS } from './every.ts';
import type { Ended, RecordedRun, Results } from './result.ts';

const HEAD = `## MCP's conformance suite

SUITE, pinned, runs offline in every mode that it has. \`npm run conformance\` runs it and
writes how each scenario ended (\`test/conformance/results.json\`), and these tables from that. \`npm test\` runs it again, on each
Node of CI: a check that ends otherwise than it says here fails the tests, also where it passes now. Only the reasons of what is
not passed are written by hand.

- **server**: one server of the official SDK, bare and with \`protect\` in front. It has all that the suite asks for by name, in
  both eras of the protocol: sessions whose streams are taken up again, tasks, and skills. The suite cannot sign, so the test
  signs each request for it and touches nothing else of it. Each scenario ends check by check the same at both: protection
  changes nothing.
- **client**: the official SDK's client with \`mcpProvider\`, and a person who consents at once; where a scenario has a
  program's key or a workload's assertion, with \`createClient\`.
- **authorization**: the authority as a process. The suite reads its metadata; a person signs in and consents; the suite redeems
  the code.
`;

export function renderSuite({ suite, runs }: Results): string {
  const counts = [
    '| run | scenarios | passed whole | checks passed | checks not passed |',
    '|---|---|---|---|---|',
    ...runs.map(count),
  ];
  const head = HEAD.replace('SUITE', `\`${suite}\``);
  return [head, `${counts.join('\n')}\n`, ...runs.map(section), notTried(runs)].join('\n');
}

function count({ title, scenarios }: RecordedRun): string {
  const ends = Object.values(scenarios);
  const sum = (of: (end: Ended) => number) => ends.reduce((total, end) => total + of(end), 0);
  const whole = ends.filter(({ others }) => others.length === 0).length;
  return `| ${title} | ${ends.length} | ${whole} | ${sum(({ passed }) => passed)} | ${sum(({ others }) => others.length)} |`;
}

function section({ title, command, scenarios }: RecordedRun): string {
  const { reasons = {} } = RUNS.find((run) => run.title === title) ?? {};
  const lines = Object.entries(scenarios).map(([scenario, { passed, others }]) => {
    const list = others.map((other) => other.replace(/^(\S+) (\S+)$/, (_, id, status) => `\`${id}\` ${word(status)}`));
    return `| \`${scenario}\` | ${passed} | ${list.join(', ')} | ${reasons[scenario] ?? ''} |`;
  });
  const table = ['| scenario | checks passed | not passed | why |', '|---|---|---|---|', ...lines].join('\n');
  return `### ${title}\n\n\`conformance ${command}\`\n\n${table}\n`;
}

function word(status: string): string {
  return status === 'FAILURE' ? 'failed' : status.toLowerCase();
}

/** Scenarios for clients that are in the runs above and are not about authorization. */
function notTried(runs: readonly RecordedRun[]): string {
  const names = new Set(runs.flatMap((run) => run.notTried));
  const list = [...names].sort().map((name) => `\`${name}\``);
  return `### Not run\n\nScenarios for clients that are about the transport and the tools of the SDK's client and not about
authorization, which is all that DAuth adds to it:\n${list.join(', ')},
and those of the Skills extension (\`sep-2640-client-*\`).\n`;
}
