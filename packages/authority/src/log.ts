/** Events, not objects, as JSON lines on stderr: who, which handle, which code. Never a token, an envelope or a body. */
export type LogEvent = Readonly<Record<string, string | number | boolean | undefined>> & { readonly event: string };
export type Log = (event: LogEvent) => void;

/** Writes one JSON line per event. */
export function stderrLog(now: () => number): Log {
  return (event) => void process.stderr.write(`${JSON.stringify({ time: new Date(now()).toISOString(), room: 'authority', ...event })}\n`);
}
