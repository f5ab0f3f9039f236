/** `npm run bench`: sets up what is missing, then runs the benchmarks with the arguments given (`-- NAME`, `--quick`, `--write`). */
import { must, root, setUp } from './setup.mjs';

setUp();
const args = process.argv.slice(2);
must(process.execPath, ['bench/dist/main.js', ...args]);
if (args.includes('--write'))
  must(process.execPath, [
    'node_modules/prettier/bin/prettier.cjs',
    '--log-level=warn',
    '--write',
    `${root}/docs/performance.json`,
  ]);
