/** Records what the hot parts allocate on this version of Node, in the place of what was recorded for its major version. */
import { count, MAJOR, record } from './recorded.ts';

const { parts } = await count();
await record(parts);
console.error(`Recorded ${Object.keys(parts).length} parts for Node ${MAJOR}.`);
