/** The part of docs/conformance.md about MCP's conformance suite: counts per run, then every scenario with its result. */
import { AUTHORIZATION_RUNS } from './authorization-results.ts';
import { CLIENT_RUNS } from './client-results.ts';
import type { Row, Run } from './result.ts';
import { SERVER_RUNS } from './server-results.ts';

const HEAD = `## MCP's conformance suite

\`@modelcontextprotocol/conformance\`, pinned, runs offline in every mode that it has (\`test/conformance/\`). The tables are data
there, and the tests hold each run to them exactly: a check that ends otherwise than it says here fails them, also where it
passes now.

- **server**: one server of the official SDK, bare and with \`protect\` in front. It has all that the suite asks for by name, in
  both eras of the protocol: sessions whose streams are taken up again, tasks, and skills. The suite cannot sign, so the test
  signs each request for it and touches nothing else of it. Each scenario ends check by check the same at both: protection
  changes nothing.
- **client**: the official SDK's client with \`mcpProvider\`, and a person who consents at once; where a scenario has a
  program's key or a workload's assertion, with \`createClient\`.
- **authorization**: the authority as a process. The suite reads its metadata; a person signs in and consents; the suite redeems
  the code.
`;

export function renderSuite(): string {
  const runs = [...SERVER_RUNS, ...CLIENT_RUNS, ...AUTHORIZATION_RUNS.map(({ run }) => run)];
  const counts = [
    '| run | scenarios | passed whole | checks passed | checks not passed |',
    '|---|---|---|---|---|',
    ...runs.map(count),
  ];
  return [HEAD, `${counts.join('\n')}\n`, ...runs.map(section), others()].join('\n');
}

function count({ title, rows }: Run): string {
  const whole = rows.filter(isWhole).length;
  const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0);
  const notPassed = sum(([, , others = []]) => others.length);
  return `| ${title} | ${rows.length} | ${whole} | ${sum(([, passed]) => passed)} | ${notPassed} |`;
}

function isWhole([, , others = []]: Row): boolean {
  return others.length === 0;
}

function section({ title, command, rows }: Run): string {
  const lines = rows.map(([scenario, passed, others = [], why = '']) => {
    const list = others.map((other) => other.replace(/^(\S+) (\S+)$/, (_, id, status) => `\`${id}\` ${word(status)}`));
    return `| \`${scenario}\` | ${passed} | ${list.join(', ')} | ${why} |`;
  });
  const table = ['| scenario | checks passed | not passed | why |', '|---|---|---|---|', ...lines].join('\n');
  return `### ${title}\n\n\`conformance ${command}\`\n\n${table}\n`;
}

function word(status: string): string {
  return status === 'FAILURE' ? 'failed' : status.toLowerCase();
}

/** Scenarios for clients that are in the runs above and are not about authorization. */
function others(): string {
  const names = new Set(CLIENT_RUNS.flatMap((run) => run.others));
  const list = [...names].sort().map((name) => `\`${name}\``);
  return `### Not run\n\nScenarios for clients that are about the transport and the tools of the SDK's client and not about
authorization, which is all that DAuth adds to it:\n${list.join(', ')},
and those of the Skills extension (\`sep-2640-client-*\`).\n`;
}
