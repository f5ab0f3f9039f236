/** Which requirements nothing holds us to: a row must name a test that stands in its file or an
 * entry of the battery, or say why none can. Reads text only. */
import type { Requirement } from './requirement.ts';

/**
 * @param read the text of a source file, `undefined` where there is none
 * @param entries ids of the negative battery
 */
export function findUnheld(
  requirements: readonly Requirement[],
  read: (file: string) => string | undefined,
  entries: ReadonlySet<string>,
): readonly string[] {
  return requirements.flatMap(({ document, section, text, proof }) => {
    const what = `${document} §${section} "${text}"`;
    if ('notApplicable' in proof)
      return proof.notApplicable === '' ? [`${what} is said not to apply, and not why.`] : [];
    if ('entry' in proof)
      return entries.has(proof.entry) ? [] : [`${what} names no entry of the battery: ${proof.entry}`];
    const [file, name] = proof;
    const source = read(file);
    if (source === undefined) return [`${what} names ${file}, which is not there.`];
    return isTestOf(source, name) ? [] : [`${what} names a test that ${file} does not have: ${name}`];
  });
}

/** Whether a source calls `test` with this name, as it is written there. */
function isTestOf(source: string, name: string): boolean {
  return ["'", '"', '`'].some((quote) => {
    const written = `${quote}${quote === "'" ? name.replaceAll("'", "\\'") : name}${quote}`;
    return new RegExp(`\\btest\\(\\s*${escape(written)},`).test(source);
  });
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
