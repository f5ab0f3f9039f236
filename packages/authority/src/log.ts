/** Events, not objects, as JSON lines on stderr: who, which handle, which code. Never a token, an envelope or a body. */
export type LogEvent = Readonly<Record<string, string | number | boolean | undefined>> & { readonly event: string };
export type Log = (event: LogEvent) => void;

/**
 * Writes one JSON line per event.
 * @param now Unix milliseconds
 */
export function stderrLog(now: () => number): Log {
  return (event) => {
    process.stderr.write(`${JSON.stringify({ time: new Date(now()).toISOString(), room: 'authority', ...event })}\n`);
  };
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
