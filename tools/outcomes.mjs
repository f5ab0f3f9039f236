/** A test reporter: one JSON line per test that ran to a verdict. Nothing is judged here. */
export default async function* outcomes(source) {
  for await (const { type, data } of source) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.details?.type === 'suite') continue;
    const cause = rootOf(data.details?.error);
    yield `${JSON.stringify({
      file: data.file,
      name: data.name,
      verdict: data.skip !== undefined ? 'skipped' : data.todo !== undefined ? 'todo' : type.slice(5),
      reason: typeof data.skip === 'string' ? data.skip : undefined,
      error: type === 'test:fail' ? (cause?.code ?? cause?.name) : undefined,
      message: type === 'test:fail' ? cause?.message : undefined,
    })}\n`;
  }
}

/** What a test failed by, without what the runner and property tests put around it. */
function rootOf(error) {
  return error?.cause instanceof Error ? rootOf(error.cause) : (error?.cause ?? error);
}

/** The outcomes in a text of such lines; the last one of a process that was killed may be cut. */
export function parseOutcomes(text) {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));
}
