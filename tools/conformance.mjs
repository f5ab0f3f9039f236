/**
 * `npm run conformance`: runs MCP's conformance suite in every mode it has, writes how it ended into
 * `test/conformance/results.json`, and docs/conformance.md from that and the rows under `test/requirements/`. Nothing else.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, setUp } from './setup.mjs';

setUp();
const load = (name) => import(pathToFileURL(join(root, 'test/dist', name)).href);
const [{ REQUIREMENTS }, { renderPage }] = await Promise.all(['requirements.js', 'requirements/page.js'].map(load));
const suite = ['conformance/every.js', 'conformance/page.js', 'conformance/result.js'];
const [{ RUNS, runEvery }, { renderSuite }, { findUnexplained }] = await Promise.all(suite.map(load));

const results = await runEvery((title) => console.error(`Running: ${title} …`));
writeFileSync(join(root, 'test/conformance/results.json'), `${JSON.stringify(results, null, 2)}\n`);
writeFileSync(join(root, 'docs/conformance.md'), renderPage(REQUIREMENTS, renderSuite(results)));
const unexplained = findUnexplained(RUNS, results);
for (const sentence of unexplained) console.error(sentence);
process.exitCode = unexplained.length > 0 ? 1 : 0;
