/** What the last `npm run conformance` wrote. Read only. */
import { readFileSync } from 'node:fs';
import type { Results } from './result.ts';

export function readResults(): Results {
  const file = new URL('../../conformance/results.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Results;
}
