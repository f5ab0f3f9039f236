/** What was counted before, by major version of Node, and what is said of what is counted now. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { run } from '#test/support/process.js';
import { FLAGS } from './count.ts';

/** Name → octets. */
export type Octets = Readonly<Record<string, number>>;

export interface Counted {
  readonly parts: Octets;
  readonly controls: Octets;
}

/** Major version of Node → what was counted. */
type Recorded = Readonly<Record<string, Octets>>;

/** A tenth, and an object or two: masks are random, and Node's own code allocates otherwise from one minor version to the next. */
const [MORE, SOME] = [1.1, 64];
/** A busy machine is no failure. */
const LATEST_MS = 150_000;
const RECORDED = fileURLToPath(new URL('../../allocated/recorded.json', import.meta.url));
export const MAJOR = process.versions.node.split('.', 1)[0]!;
export const ANEW = 'node bench/dist/allocated/record-main.js';

export async function count(): Promise<Counted> {
  const main = fileURLToPath(new URL('./count-main.js', import.meta.url));
  const { code, stdout, stderr } = await run({ file: process.execPath, args: [...FLAGS, main], timeoutMs: LATEST_MS });
  if (code !== 0) throw new Error(`nothing was counted:\n${stderr}`);
  return JSON.parse(stdout) as Counted;
}

/** @returns nothing for a version that nothing was recorded for */
export async function readRecorded(): Promise<Octets | undefined> {
  return (await readAll())[MAJOR];
}

export async function record(counted: Octets): Promise<void> {
  await writeFile(RECORDED, `${JSON.stringify({ ...(await readAll()), [MAJOR]: counted }, null, 2)}\n`);
}

/** @returns a sentence for each part that allocates more than was recorded, or that stands in one of the two alone */
export function judge(counted: Octets, recorded: Octets): readonly string[] {
  const names = new Set([...Object.keys(counted), ...Object.keys(recorded)]);
  return [...names].flatMap((name) => {
    const [now, before] = [counted[name], recorded[name]];
    if (before === undefined) return [`“${name}” was never recorded. Record it: ${ANEW}`];
    if (now === undefined) return [`“${name}” is recorded and counted no more. Record anew: ${ANEW}`];
    if (now <= before * MORE + SOME) return [];
    return [
      `“${name}” allocates ${now} octets; ${before} were recorded. Allocate less, or, if it is worth it, record it: ${ANEW}`,
    ];
  });
}

async function readAll(): Promise<Recorded> {
  return JSON.parse(await readFile(RECORDED, 'utf8')) as Recorded;
}
