/**
 * The executor's log: one JSON object a line on stderr. Never an object that was handed around, a header, a body or an
 * error's own text: only event names and facts written out one by one.
 */

export type LogFacts = Readonly<Record<string, string | number | boolean | null>>;
export type Log = (event: string, facts?: LogFacts) => void;

/** Writes to a stream with a clock. */
export function makeLog(write: (line: string) => void, now: () => number): Log {
  return (event, facts = {}) => write(`${JSON.stringify({ time: new Date(now()).toISOString(), event, ...facts })}\n`);
}
