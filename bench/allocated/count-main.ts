/** Counts every hot part and every control, and says it as one line of JSON: a process, because it needs flags of its own. */
import { countOctets } from './count.ts';
import { makeControls, makeHotParts, type HotParts } from './hot-parts.ts';

// Buffers of a shared pool would count where it is renewed, and for nothing between.
Buffer.poolSize = 0;
const parts = await makeHotParts();
const countAll = (all: HotParts): object =>
  Object.fromEntries(Object.entries(all).map(([name, operation]) => [name, countOctets(operation)]));
console.log(JSON.stringify({ parts: countAll(parts), controls: countAll(makeControls(parts)) }));
