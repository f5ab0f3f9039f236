/**
 * That nothing was weakened to be fast: in the same stack, after the load, a proof that was used is refused, the audit is whole,
 * and no copy of the credential is in any process that should have none. Throws where one of them does not hold.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeScan, isClean, scanMemory, startControl } from '#test/support/memscan.js';
import { descendants } from '#test/support/process.js';
import { makeSigner } from '../load/proofs.ts';
import type { Dauth } from './dauth.ts';

/** Checkpoints bring the journal to the authority at least once a second; and a second after a dispatch nothing is left. */
const SETTLED_MS = 2_000;
const MEMORY = 'the credential is in the memory of no DAuth process';

/**
 * @param octets of an answer
 * @param dispatches that were answered so far
 * @returns a sentence for each thing that held
 */
export async function checkDefences(dauth: Dauth, octets: number, dispatches: number): Promise<readonly string[]> {
  const replay = await checkReplay(dauth, octets);
  await sleep(SETTLED_MS);
  return [replay, await checkAudit(dauth, dispatches), await checkMemory(dauth)];
}

async function checkReplay(dauth: Dauth, octets: number): Promise<string> {
  const { origin, wanted } = await dauth.streaming(octets);
  const { path, headers, signer } = wanted[0]!;
  const proof = makeSigner(signer!, 'GET')();
  const ask = async (): Promise<string> => {
    const response = await fetch(origin + path, { headers: { [headers[0]!]: headers[1]!, dpop: proof } });
    await response.arrayBuffer();
    return response.headers.get('dauth-error') ?? `${response.status}`;
  };
  const said = [await ask(), await ask()];
  if (said.join() !== '200,REPLAY_DETECTED')
    throw new Error(`a proof that was used twice was answered ${said.join(' and ')}`);
  return 'a proof that was used is refused';
}

async function checkAudit({ stack }: Dauth, dispatches: number): Promise<string> {
  const { code, stdout, stderr } = await stack.tryDauth(['audit', 'export']);
  if (code !== 0) throw new Error(`the audit could not be read: ${stderr}`);
  const lines = stdout.trimEnd().split('\n');
  const intents = new Set<number>();
  let [outcomes, prev] = [0, ''];
  for (const line of lines) {
    const record = JSON.parse(line) as { seq: number; prev: string; kind: string; intent?: number };
    if (prev !== '' && record.prev !== prev) throw new Error(`the audit's chain breaks at ${record.seq}`);
    prev = createHash('sha256').update(line).digest('base64url');
    if (record.kind === 'intent') intents.add(record.seq);
    if (record.kind === 'outcome' && intents.delete(record.intent!)) outcomes++;
  }
  if (intents.size > 0) throw new Error(`${intents.size} dispatches have no outcome in the audit`);
  if (outcomes < dispatches) throw new Error(`of ${dispatches} dispatches ${outcomes} are in the audit`);
  return `the audit is one chain, in which each of ${outcomes} dispatches has its outcome`;
}

async function checkMemory({ stack, upstream }: Dauth): Promise<string> {
  const bytes = Buffer.from(upstream.credential);
  await using control = await startControl(bytes);
  const processes = [stack.process.pid, ...descendants(stack.process.pid)].map((pid) => ({ name: 'DAuth', pid }));
  const found = await scanMemory({
    secrets: [{ name: 'credential', bytes }],
    processes: [{ name: 'control', pid: control.pid }, ...processes],
  });
  const [planted, ...results] = found;
  if (results.some(({ state }) => state === 'NOT CHECKED')) return `NOT CHECKED: ${MEMORY}`;
  if (planted === undefined || isClean(planted)) throw new Error('the planted control was not found in memory');
  const unclean = results.find((result) => !isClean(result));
  if (unclean !== undefined) throw new Error(describeScan(unclean));
  return MEMORY;
}
