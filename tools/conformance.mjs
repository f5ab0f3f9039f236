/** `npm run conformance`: writes docs/conformance.md from the rows under `test/requirements/`, and nothing else. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, setUp } from './setup.mjs';

setUp();
const load = (name) => import(pathToFileURL(join(root, 'test/dist', name)).href);
const [{ REQUIREMENTS }, { renderPage }] = await Promise.all([load('requirements.js'), load('requirements/page.js')]);
writeFileSync(join(root, 'docs/conformance.md'), renderPage(REQUIREMENTS));
