/** docs/conformance.md, written from the rows: counts per document, then each rule with the test that holds us to it. */
import type { Requirement } from './requirement.ts';

const HEAD = `# Conformance

What the standards ask of DAuth's parties, and the test that holds each to it. This page is written by \`npm run conformance\`
from the rows under \`test/requirements/\`; the tests require it to be current and every named test to exist. Departures are
in [spec/divergences.md](../spec/divergences.md).
`;

const SUITE = `## MCP's conformance suite

\`@modelcontextprotocol/conformance\`, pinned, runs offline at one server of the official SDK, bare and with \`protect\` in front
(\`test/conformance/\`). It cannot sign, so the test signs each request for it and touches nothing else. Of both revisions it
knows, every scenario ends check by check the same at both: protection changes nothing, also of what that server leaves out
(tasks, sampling, elicitation). These have to pass, at both revisions:
`;

export function renderPage(requirements: readonly Requirement[], scenarios: readonly string[]): string {
  const documents = [...new Set(requirements.map(({ document }) => document))];
  const rowsOf = (document: string) => requirements.filter((row) => row.document === document);
  const counts = documents.map((document) => {
    const rows = rowsOf(document);
    const held = rows.filter(({ proof }) => !('notApplicable' in proof)).length;
    return `| ${document} | ${rows.length} | ${held} | ${rows.length - held} |`;
  });
  const tables = documents.map((document) => `## ${document}\n\n${table(rowsOf(document))}\n`);
  const summary = ['| document | rules | tested | not applicable |', '|---|---|---|---|', ...counts].join('\n');
  const passing = scenarios.map((scenario) => `- \`${scenario}\``).join('\n');
  return [HEAD, `${summary}\n`, SUITE, `${passing}\n`, ...tables].join('\n');
}

function table(rows: readonly Requirement[]): string {
  const lines = rows.map(
    ({ section, party, level, text, proof }) => `| ${section} | ${party} | ${level} ${text} | ${cell(proof)} |`,
  );
  return ['| section | who | rule | held by |', '|---|---|---|---|', ...lines].join('\n');
}

function cell(proof: Requirement['proof']): string {
  if ('notApplicable' in proof) return proof.notApplicable;
  if ('entry' in proof) return `[battery: ${proof.entry}](../test/attacks/authority/entries.ts)`;
  const [file, name] = proof;
  return `[${name.replaceAll('[', '\\[').replaceAll(']', '\\]').replaceAll('|', '\\|')}](../${file})`;
}
