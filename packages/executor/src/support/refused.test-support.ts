/** What every refusal of a dispatch has to be: the right code, nothing opened, nothing resolved or sent, nothing leaked. */
import assert from 'node:assert/strict';
import { ERRORS, type ErrorCode } from '@dauth/protocol';
import type { Reply } from './door-caller.test-support.ts';
import type { JournalLine } from './journal-lines.test-support.ts';
import { SECRET, type World } from './room.test-support.ts';

export interface Refusal {
  readonly code: ErrorCode;
  /** The sentence that the caller reads, or what must be in it. */
  readonly says?: string | RegExp;
  /** 1 and 2 are counted, 3 and 4 have a line of their own. */
  readonly step: 1 | 2 | 3 | 4;
}

/** Runs an attempt that has to be refused before step 5. */
export async function assertRefused(
  world: World,
  attempt: () => Promise<Reply>,
  { code, says = /./, step }: Refusal,
): Promise<void> {
  const before = [world.opened, world.sent.length];
  const reply = await attempt();
  const isWrapped = step > 2 && reply.status === 200;
  assert.equal(reply.headers['dauth-error'], code, reply.text);
  assert.equal(reply.status, isWrapped ? 200 : ERRORS[code].status);
  const said = (isWrapped ? reply.json.error : reply.json) as Record<string, unknown>;
  assert.equal(said.code, code);
  assertSays(isWrapped ? said.message : said.detail, says);
  if (isWrapped) assert.equal(reply.json.success, false);
  assert.deepEqual([world.opened, world.sent.length], before, 'something was opened or sent');
  assert.equal(reply.headers['dauth-receipt'], undefined);
  assert.equal(reply.headers['dauth-upstream'], undefined);
  assert.equal(reply.text.includes(SECRET), false);
  await assertAudited(world, reply, code, step);
}

/** The whole sentence where a string is given, a part of it otherwise. */
export function assertSays(sentence: unknown, says: string | RegExp): void {
  if (typeof says === 'string') assert.equal(sentence, says);
  else assert.match(String(sentence), says);
}

async function assertAudited(world: World, reply: Reply, code: ErrorCode, step: number): Promise<void> {
  const id = reply.headers['dauth-request-id'];
  assert.match(id ?? '', /^[0-9a-f-]{36}$/);
  const isOurs = (line: JournalLine): boolean => line.request_id === id;
  if (step <= 2) return assert.equal(world.journal().some(isOurs), false, 'an unknown caller wrote to the journal');
  const line = await world.recorded(isOurs);
  assert.deepEqual([line.kind, line.code, line.step], ['refusal', code, step]);
}
