/** Runs the official conformance suite for clients, as its command line does, and reads what it says. */
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { run } from '../support/process.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const SUITE = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'));
/** Long enough for a machine with other things to do: a scenario ends when its client does. */
const TIMEOUT_MS = 150_000;

/** Our client. */
export const CLIENT = `${process.execPath} ${at('./client-main.js')}`;

export interface Said {
  readonly code: number | null;
  readonly text: string;
  /** Of a suite: scenario → whether it passed without a warning. */
  readonly passed: ReadonlyMap<string, boolean>;
}

/** @param what `--suite NAME` or `--scenario NAME` */
export async function conformance(command: string, ...what: readonly string[]): Promise<Said> {
  const args = ['--import', at('./node-20-main.js'), SUITE, 'client', '--command', command, ...what];
  const ended = await run({
    file: process.execPath,
    args: [...args, '--timeout', String(TIMEOUT_MS)],
    timeoutMs: TIMEOUT_MS,
  });
  const text = stripVTControlCharacters(ended.stdout + ended.stderr);
  const lines = text.matchAll(/^([✓✗]) (\S+): \d+ passed/gm);
  return { code: ended.code, text, passed: new Map([...lines].map(([, mark, name]) => [name!, mark === '✓'])) };
}
