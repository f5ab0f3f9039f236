/** docs/conformance.md, written from the rows: counts per document, then each rule with the test that holds us to it. */
import type { Requirement } from './requirement.ts';

const HEAD = `# Conformance

What the standards ask of DAuth's parties, and the test that holds each to it. This page is written by \`npm run conformance\`
from the rows under \`test/requirements/\`; the tests require it to be current and every named test to exist. Departures are
in [spec/divergences.md](../spec/divergences.md).
`;

export function renderPage(requirements: readonly Requirement[]): string {
  const documents = [...new Set(requirements.map(({ document }) => document))];
  const rowsOf = (document: string) => requirements.filter((row) => row.document === document);
  const counts = documents.map((document) => {
    const rows = rowsOf(document);
    const held = rows.filter(({ proof }) => !('notApplicable' in proof)).length;
    return `| ${document} | ${rows.length} | ${held} | ${rows.length - held} |`;
  });
  const tables = documents.map((document) => `## ${document}\n\n${table(rowsOf(document))}\n`);
  const summary = ['| document | rules | tested | not applicable |', '|---|---|---|---|', ...counts].join('\n');
  return [HEAD, `${summary}\n`, ...tables].join('\n');
}

function table(rows: readonly Requirement[]): string {
  const lines = rows.map(
    ({ section, party, level, text, proof }) => `| ${section} | ${party} | ${level} ${text} | ${cell(proof)} |`,
  );
  return ['| section | who | rule | held by |', '|---|---|---|---|', ...lines].join('\n');
}

function cell(proof: Requirement['proof']): string {
  if ('notApplicable' in proof) return proof.notApplicable;
  const [file, name] = proof;
  return `[${name.replaceAll('[', '\\[').replaceAll(']', '\\]').replaceAll('|', '\\|')}](../${file})`;
}
