/** `npm start`: sets up what is missing, then `dauth start` with the arguments given. */
import { must, setUp } from './setup.mjs';

setUp();
must(process.execPath, ['packages/cli/dist/main.js', 'start', ...process.argv.slice(2)]);
