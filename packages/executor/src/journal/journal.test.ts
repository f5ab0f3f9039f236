/** The journal under crashes, edits and a full disk: what was acknowledged is there, and what was changed is found. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { Head } from './journal-format.ts';
import { Journal } from './journal.ts';
import { recoverJournal } from './recovery.ts';
import { Refusals } from './refusals.ts';
import { World } from '../support/room.test-support.ts';
import { segmentsIn, type Segment, type SegmentFiles } from './segment.ts';

const NOW = 1_795_000_000_000;
const SEGMENT = 65_536;
const NO_AUDIT = {
  code: 'AUDIT_UNAVAILABLE',
  publicMessage: 'The audit journal cannot record this, so nothing was sent. Try again later.',
};
const damaged = (how: string): object => ({
  name: 'TypeError',
  message: `The audit journal ${how}. Keep it as evidence, restore it from your backup, then start again.`,
});

let data: string;
beforeEach(() => (data = mkdtempSync(join(tmpdir(), 'dauth-journal-'))));
const left: Segment[] = [];
afterEach(async () => {
  // A process that was killed closes its files; these journals end without that.
  for (const segment of left.splice(0)) await segment.close().catch(() => undefined);
  rmSync(data, { recursive: true });
});

/** Starts a journal as a new process would. */
async function open(options: { acknowledged?: Head; files?: SegmentFiles; since?: number } = {}) {
  const inner = options.files ?? segmentsIn(data);
  const keep = (segment: Segment): Segment => {
    left.push(segment);
    return segment;
  };
  const files: SegmentFiles = {
    ...inner,
    create: async (first, size) => keep(await inner.create(first, size)),
    open: async (first) => keep(await inner.open(first)),
  };
  const recovery = await recoverJournal(files, options.acknowledged, options.since ?? NOW + 1);
  return { journal: new Journal({ files, segmentBytes: SEGMENT, now: () => NOW }, recovery.tail), recovery };
}

/** Changes the octets of the only segment. */
function change(edit: (text: string) => string): void {
  const path = join(data, readdirSync(data)[0]!);
  const text = readFileSync(path, 'latin1');
  const edited = edit(text.replace(/\0+$/, ''));
  writeFileSync(path, edited.padEnd(text.length, '\0'), 'latin1');
}

function kinds(): readonly string[] {
  return readdirSync(data)
    .sort()
    .flatMap((name) => readFileSync(join(data, name), 'utf8').replaceAll('\0', '').split('\n').slice(0, -1))
    .map((line) => (JSON.parse(line) as { kind: string }).kind);
}

/** A file system whose disk is full, or fails, when it is told so. */
function fragile(): { files: SegmentFiles; isFull: boolean; isFailing: boolean } {
  const inner = segmentsIn(data);
  const disk = { isFull: false, isFailing: false, files: inner };
  disk.files = {
    ...inner,
    create: async (first, size) => {
      if (disk.isFull) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      const segment = await inner.create(first, size);
      return {
        ...segment,
        write: async (content, offset) => {
          if (disk.isFailing) throw Object.assign(new Error('i/o'), { code: 'EIO' });
          await segment.write(content, offset);
        },
      };
    },
  };
  return disk;
}

test('[crash.safe] what was acknowledged goes on after a restart without a stop, chained to the line before', async () => {
  const { journal, recovery } = await open();
  assert.equal(recovery.wasStopped, true, 'no run before left anything open');
  const { head } = await journal.intent({ handle: 'a' });
  const again = await open();
  assert.deepEqual([again.recovery.tail.head, again.recovery.wasStopped], [head, false]);
  await again.journal.stop();
  assert.equal((await open()).recovery.wasStopped, true);
  assert.deepEqual(kinds(), ['intent', 'stop']);
});

test('[crash.safe] a torn last line goes, and the next line takes its number', async () => {
  const { journal } = await open();
  const { head } = await journal.intent({ handle: 'a' });
  change((text) => `${text}{"seq":2,"prev":"${head.hash}","kind":"int`);
  const again = await open();
  assert.deepEqual(again.recovery.tail.head, head);
  assert.equal((await again.journal.intent({ handle: 'b' })).head.seq, 2);
  assert.deepEqual(kinds(), ['intent', 'intent']);
});

for (const [what, edit, how] of [
  ['an edited line', (text: string) => text.replace('"owner":"alice"', '"owner":"bob"'), 'was edited'],
  ['a deleted line', (text: string) => text.split('\n').toSpliced(1, 1).join('\n'), 'was edited'],
  ['two lines in another order', (text: string) => text.replace(/^(.*\n)(.*\n)(.*\n)/, '$1$3$2'), 'was edited'],
  ['an inserted line', (text: string) => text.replace('\n', '\n{"seq":2,"prev":"x","kind":"note"}\n'), 'was edited'],
] as const) {
  test(`[audit.complete] ${what} stops the start`, async () => {
    const { journal } = await open();
    for (const owner of ['alice', 'carol', 'dave', 'erin']) await journal.note('refusal', { owner });
    change(edit);
    await assert.rejects(open(), damaged(how));
  });
}

test('[audit.complete] a journal that ends before its last checkpoint, or that differs from it, stops the start', async () => {
  const { journal } = await open();
  await journal.note('a', {});
  const { head: checkpoint } = journal;
  await journal.note('b', {});
  const { head } = journal;
  change((text) => text.split('\n').slice(0, 1).join('\n') + '\n');
  await open({ acknowledged: checkpoint });
  await assert.rejects(open({ acknowledged: head }), damaged('ends before its last checkpoint'));
  await assert.rejects(open({ acknowledged: { seq: 1, hash: head.hash } }), damaged('was edited'));
});

test('[audit.complete] a full disk stops new intents, and each that was taken has room for its outcome', async () => {
  const disk = fragile();
  const { journal } = await open({ files: disk.files });
  const first = await journal.intent({ path: 'x'.repeat(8_000) });
  disk.isFull = true;
  const taken = [first];
  for (;;) {
    const next = await journal.intent({ path: 'x'.repeat(8_000) }).catch((error: unknown) => error);
    if (next instanceof Error) {
      assert.deepEqual({ ...NO_AUDIT }, { code: Object(next).code, publicMessage: Object(next).publicMessage });
      break;
    }
    taken.push(next as typeof first);
  }
  assert.equal(taken.length > 3, true);
  for (const intent of taken)
    await assert.doesNotReject(intent.outcome({ code: 'ok', status: 200, bytes: 1, redactions: 0, ms: 1 }));
  await journal.stop();
  assert.deepEqual(
    [kinds().filter((kind) => kind === 'intent').length, kinds().filter((kind) => kind === 'outcome').length],
    [taken.length, taken.length],
  );
});

test('[audit.complete] after a failed write nothing is acknowledged any more, whatever comes later', async () => {
  const disk = fragile();
  const { journal } = await open({ files: disk.files });
  const taken = await journal.intent({});
  disk.isFailing = true;
  await assert.rejects(journal.intent({}), NO_AUDIT);
  disk.isFailing = false;
  assert.equal(journal.isWritable, false);
  await assert.rejects(journal.intent({}), NO_AUDIT);
  await assert.rejects(taken.outcome({ code: 'ok' }), NO_AUDIT);
});

test('[audit.complete] a line that is longer than any reader takes is refused, and the next one is not', async () => {
  const { journal } = await open();
  await assert.rejects(journal.intent({ path: 'x'.repeat(20_000) }), NO_AUDIT);
  await journal.intent({ path: 'x' });
});

test('[audit.complete] refusals have a quota of their own each minute, and past it they are counted', async () => {
  const { journal } = await open();
  const clock = { ms: 0 };
  const refusals = new Refusals({ journal, perMinute: 2, monotonic: () => clock.ms });
  for (let i = 0; i < 5; i++) refusals.record('POLICY_DENIED', {});
  await refusals.flush();
  clock.ms = 60_000;
  refusals.record('POLICY_DENIED', {});
  await refusals.flush();
  await journal.stop();
  const path = join(data, readdirSync(data)[0]!);
  const lines = readFileSync(path, 'utf8').replaceAll('\0', '').trim().split('\n');
  const [, , counted] = lines.map((line) => JSON.parse(line) as { counts?: object });
  assert.deepEqual(
    [kinds(), counted?.counts],
    [['refusal', 'refusal', 'refusals', 'refusal', 'stop'], { POLICY_DENIED: 3 }],
  );
});

test('[token.bound] a proof that had an effect before a restart is refused after it, however far ahead it was signed', async () => {
  await using first = await World.open({ data: join(data, 'room') });
  const handle = await first.connect();
  const token = first.token(handle);
  const path = `/connections/${handle}/user`;
  const proof = first.proof('GET', path, token, { iat: first.now + 5 });
  const headers = ['Authorization', `DPoP ${token}`, 'DPoP', proof];
  assert.equal((await first.send('GET', path, headers)).status, 200);
  await first.stop();
  await using second = await World.open({ data: join(data, 'room'), atMs: first.clock.ms + 2_000 });
  const again = second.token(handle, { cnf: { jkt: first.server.jkt } });
  assert.notEqual(again, token);
  const reused = first.proof('GET', path, again, { iat: first.now + 5, jti: jtiOf(proof) });
  const reply = await second.send('GET', path, ['Authorization', `DPoP ${again}`, 'DPoP', reused]);
  assert.deepEqual([reply.status, reply.headers['dauth-error']], [401, 'REPLAY_DETECTED']);
});

function jtiOf(proof: string): string {
  return (JSON.parse(Buffer.from(proof.split('.')[1]!, 'base64url').toString()) as { jti: string }).jti;
}
