/** `npm run demo`: sets up what is missing, then runs the demo with the arguments given. */
import { must, setUp } from './setup.mjs';

setUp();
must(process.execPath, ['test/dist/demo/main.js', ...process.argv.slice(2)]);
