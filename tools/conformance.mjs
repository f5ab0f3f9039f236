/** `npm run conformance`: writes docs/conformance.md from the rows under `test/requirements/` and `test/conformance/`, and nothing else. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, setUp } from './setup.mjs';

setUp();
const load = (name) => import(pathToFileURL(join(root, 'test/dist', name)).href);
const names = ['requirements.js', 'conformance/page.js', 'requirements/page.js'];
const [{ REQUIREMENTS }, { renderSuite }, { renderPage }] = await Promise.all(names.map(load));
writeFileSync(join(root, 'docs/conformance.md'), renderPage(REQUIREMENTS, renderSuite()));
