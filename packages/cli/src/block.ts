/** One thing with what is said of it, for people: a line each, none wider than a terminal of 80 columns where it has a space. */

const COLUMNS = 80;

/** @param lines name and text of each line */
export function block(name: string, says: string, lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([each]) => each.length)) + 2;
  return [
    ...wrap(`${name}: ${says}`, 2),
    ...lines.flatMap(([each, text]) => wrap(`  ${each.padEnd(width)}${text}`, width + 2)),
  ].join('\n');
}

/** A sentence by itself, broken in the same way. */
export function paragraph(text: string): string {
  return wrap(text, 2).join('\n');
}

/** Breaks at spaces; what goes on is indented. */
function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > COLUMNS) {
    const cut = rest.lastIndexOf(' ', COLUMNS);
    const at = cut > indent ? cut : rest.indexOf(' ', COLUMNS);
    if (at < 0) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = ' '.repeat(indent) + rest.slice(at + 1);
  }
  return [...lines, rest];
}
