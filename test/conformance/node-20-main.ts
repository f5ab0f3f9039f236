/**
 * Preloaded into the conformance suite, which wants Node 22 for one function it does not call here: `fs.globSync` exists, and
 * throws. Nothing else of the suite is changed.
 */
import { register } from 'node:module';

const FS = `export * from 'node:fs'; export { default } from 'node:fs';
export const globSync = () => { throw new Error('Not on Node 20.'); };`;
const HOOK = `const fs = ${JSON.stringify(`data:text/javascript,${encodeURIComponent(FS)}`)};
export const resolve = (specifier, context, next) =>
  /^(?:node:)?fs$/.test(specifier) && context.parentURL?.includes('/@modelcontextprotocol/conformance/')
    ? { url: fs, shortCircuit: true }
    : next(specifier, context);`;

register(`data:text/javascript,${encodeURIComponent(HOOK)}`);
