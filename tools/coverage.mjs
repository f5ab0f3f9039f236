/** `npm run coverage`: writes the table of docs/answers.md from what calls to an upstream that echoes end as, and nothing else. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { must, root, setUp } from './setup.mjs';

setUp();
const support = join(root, 'packages/executor/dist/support/coverage.test-support.js');
const { cover, renderCoverage } = await import(pathToFileURL(support).href);
const path = join(root, 'docs/answers.md');
const table = renderCoverage(await cover());
const page = readFileSync(path, 'utf8');
writeFileSync(
  path,
  page.replace(
    /(<!-- coverage -->\n\n)[\s\S]*?(\n\n<!-- \/coverage -->)/,
    (_, before, behind) => before + table + behind,
  ),
);
must(process.execPath, [join(root, 'node_modules/prettier/bin/prettier.cjs'), '--write', path]);
