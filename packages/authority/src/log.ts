/** Events, not objects, as JSON lines on stderr: who, which handle, which code. Never a token, an envelope or a body. */
export type LogEvent = Readonly<Record<string, string | number | boolean | undefined>> & { readonly event: string };
export type Log = (event: LogEvent) => void;

/**
 * Writes one JSON line per event, those of a turn of the event loop together: a write waits for whoever reads.
 * @param now Unix milliseconds
 * @returns besides, what writes the rest at the end of the process
 */
export function stderrLog(now: () => number): { readonly log: Log; readonly flush: () => void } {
  let lines = '';
  const flush = (): void => {
    if (lines !== '') process.stderr.write(lines);
    lines = '';
  };
  const log: Log = (event) => {
    if (lines === '') setImmediate(flush);
    lines += `${JSON.stringify({ time: new Date(now()).toISOString(), room: 'authority', ...event })}\n`;
  };
  return { log, flush };
}

/** Where an error was thrown, without its message: a message could repeat what somebody sent. */
export function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return frames
    .slice(0, 4)
    .map((line) => line.trim())
    .join(' < ');
}
