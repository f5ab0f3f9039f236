/**
 * `npm start`: sets up what is missing, then becomes `dauth start` with the arguments given. In this process, so that a
 * signal to it drains the stack and leaves nobody behind.
 */
import { join } from 'node:path';
import { root, setUp } from './setup.mjs';

/** Milliseconds between two looks at who started this. */
const LOOK = 250;

setUp();
// npm puts a shell in between, which a signal ends without a word to this process: where it is gone, the stack ends too.
const parent = process.ppid;
if (process.env.npm_lifecycle_event !== undefined) {
  const looking = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(looking);
    process.kill(process.pid, 'SIGTERM');
  }, LOOK);
  looking.unref();
}
const main = join(root, 'packages', 'cli', 'dist', 'main.js');
process.argv.splice(1, 1, main, 'start');
await import(main);
