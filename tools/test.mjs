/**
 * `npm test`: sets up what is missing, checks the house, runs every compiled test with Node's own runner, and ends with the
 * runner's summary. `npm test -- WORD` runs the test files whose path contains WORD.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { must, root, setUp } from './setup.mjs';

const filter = process.argv[2];
const CHECKS = ['walls.mjs', 'claims.mjs', 'docs.mjs'].map((name) => join('tools', name));

setUp();
if (filter === undefined) {
  for (const check of CHECKS) if (existsSync(join(root, check))) must(process.execPath, [check]);
  must(process.execPath, ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.']);
  must(process.execPath, ['node_modules/oxlint/bin/oxlint', '--quiet']);
}

/** Compiled test files whose source is still there. */
function findTests(dir, source) {
  if (!existsSync(join(root, dir))) return [];
  return readdirSync(join(root, dir), { recursive: true })
    .filter((name) => name.endsWith('.test.js') && existsSync(join(root, source, name.replace(/\.js$/, '.ts'))))
    .map((name) => join(dir, name));
}

const packages = readdirSync(join(root, 'packages')).flatMap((name) =>
  findTests(`packages/${name}/dist`, `packages/${name}/src`),
);
const files = [...packages, ...findTests('test/dist', 'test'), ...findTests('examples/dist', 'examples')]
  .filter((file) => filter === undefined || file.includes(filter))
  .sort();
if (files.length === 0) {
  console.error('No test file matches.');
  process.exit(2);
}
console.error(`Running ${files.length} test files …`);
const args = ['--test', '--test-concurrency=2', '--test-timeout=180000', '--test-reporter=spec', ...files];
process.exit(spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1);
