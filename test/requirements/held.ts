/**
 * Which requirements nothing holds us to, by what a whole run of the tests came to: a test that did not run, was skipped, is to
 * do or failed holds nothing, wherever its name stands. Reads outcomes only; nothing here runs a test.
 */
import { sep } from 'node:path';
import type { Requirement } from './requirement.ts';

/** Of one test, as `tools/outcomes.mjs` writes it. */
export interface Outcome {
  /** Of the compiled test. */
  readonly file: string;
  readonly name: string;
  readonly verdict: 'pass' | 'fail' | 'skipped' | 'todo';
}

/** The test of the negative battery that each entry is; its name begins with the id. */
const BATTERY = 'test/attacks/authority/battery.test.ts';

/** @returns a sentence per requirement that is not held: one of its tests did not pass, none ran, or it says not why none can */
export function findUnheld(requirements: readonly Requirement[], outcomes: readonly Outcome[]): readonly string[] {
  return requirements.flatMap(({ document, section, text, proof }) => {
    const what = `${document} §${section} "${text}"`;
    if ('notApplicable' in proof)
      return proof.notApplicable === '' ? [`${what} is said not to apply, and not why.`] : [];
    const [file, name] = 'entry' in proof ? [BATTERY, `${proof.entry}: \${what}`] : proof;
    const [compiled, isNamed] = [compiledOf(file), matcherOf(name)];
    const found = outcomes.filter((outcome) => outcome.file.endsWith(compiled) && isNamed(outcome.name));
    const bad = found.filter(({ verdict }) => verdict !== 'pass');
    if (found.length === 0) return [`${what} is not held: ${file} ran no test "${name}".`];
    return bad.map((outcome) => `${what} is not held: "${outcome.name}" in ${file} ended as ${outcome.verdict}.`);
  });
}

/** Where `tsc -b` puts a test, below the repository. */
function compiledOf(file: string): string {
  const path = file.replace(/^(packages\/[^/]+)\/src\/|^test\//, (_, room?: string) => `${room ?? 'test'}/dist/`);
  return `${sep}${path.replace(/\.ts$/, '.js').replaceAll('/', sep)}`;
}

/** Names are written as in the source: what stands in `${…}` there is anything in the name of a test that ran. */
function matcherOf(name: string): (said: string) => boolean {
  const fixed = name.split(/\$\{[^}]*\}/).map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`^${fixed.join('.+')}$`, 's');
  return (said) => pattern.test(said);
}
