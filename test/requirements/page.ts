/** docs/conformance.md, written from the rows: counts per document, how the suite ends, then each rule with its test. */
import type { Requirement } from './requirement.ts';

const HEAD = `# Conformance

What the standards ask of DAuth's parties, and the test that holds each to it. This page is written by \`npm run conformance\`
from the rows under \`test/requirements/\` and from a run of MCP's conformance suite. \`npm test\` requires it to be current, and
ends red where a test that is named here did not run and pass: one that was skipped, is to do or failed holds nothing.
Departures are in [spec/divergences.md](../spec/divergences.md).
`;

/** @param suite the part about MCP's conformance suite */
export function renderPage(requirements: readonly Requirement[], suite: string): string {
  const documents = [...new Set(requirements.map(({ document }) => document))];
  const rowsOf = (document: string) => requirements.filter((row) => row.document === document);
  const counts = documents.map((document) => {
    const rows = rowsOf(document);
    const held = rows.filter(({ proof }) => !('notApplicable' in proof)).length;
    return `| ${document} | ${rows.length} | ${held} | ${rows.length - held} |`;
  });
  const tables = documents.map((document) => `## ${document}\n\n${table(rowsOf(document))}\n`);
  const summary = ['| document | rules | tested | not applicable |', '|---|---|---|---|', ...counts].join('\n');
  return [HEAD, `${summary}\n`, suite, ...tables].join('\n');
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
