/**
 * `npm start`: sets up what is missing, then becomes `dauth start` with the arguments given. In this process, so that a
 * signal to it drains the stack and leaves nobody behind.
 */
import { join } from 'node:path';
import { root, setUp } from './setup.mjs';

setUp();
const main = join(root, 'packages', 'cli', 'dist', 'main.js');
process.argv.splice(1, 1, main, 'start');
await import(main);
