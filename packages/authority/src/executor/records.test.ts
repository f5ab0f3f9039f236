/**
 * The executor's journal as it is collected: a chain without gap or change, closed by a checkpoint of the pinned identity.
 * What does not continue it is refused whole.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Base64url } from '@dauth/verify';
import { makeSigner, type Signer } from '../signer.test-support.ts';
import { call, makeWorld, START, type World } from '../world.test-support.ts';
import { asExecutor } from './executor.test-support.ts';
import { assertProblem } from '../refused.test-support.ts';
import { connect } from '../sealed.test-support.ts';

const GENESIS = sha256Base64url('dauth journal');
const BROKEN = 'The records do not continue the chain that is stored here.';

/** Lines that continue each other, from `seq` 1 or behind `after`. */
function chain(count: number, after: readonly string[] = [], members: object = {}): string[] {
  const lines = [...after];
  for (let index = 0; index < count; index++) {
    const prev = lines.length === 0 ? GENESIS : sha256Base64url(lines.at(-1)!);
    lines.push(JSON.stringify({ seq: lines.length + 1, prev, kind: 'intent', ...members }));
  }
  return lines.slice(after.length);
}

interface Checkpoint {
  readonly claims?: object;
  readonly by?: Signer;
  readonly typ?: string;
}

/** A checkpoint over all of these lines. */
function checkpoint({ identity }: World, lines: readonly string[], change: Checkpoint = {}): string {
  const hash = lines.length === 0 ? GENESIS : sha256Base64url(lines.at(-1)!);
  const claims = { iss: identity.jkt, seq: lines.length, hash, iat: START, ...change.claims };
  return (change.by ?? identity).proof(change.typ ?? 'dauth-checkpoint+jwt', claims);
}

function send(world: World, records: readonly unknown[], closed: string, members: object = {}): Promise<Response> {
  const body = JSON.stringify({ records, checkpoint: closed, ...members });
  return asExecutor(world, 'POST', '/executor/records', body);
}

const head = ({ store, identity }: World) => store.audit.last(identity.jkt)?.seq ?? 0;

test('[audit.complete] records that continue the chain are stored as they came, and the operator reads them', async () => {
  const world = await makeWorld();
  const first = chain(3);
  const second = chain(2, first);
  assert.equal((await send(world, first, checkpoint(world, first))).status, 204);
  assert.equal((await send(world, second, checkpoint(world, [...first, ...second]))).status, 204);
  const audit = await call(world, world.operator, 'GET', '/audit?after=1&limit=3');
  assert.deepEqual(await audit.json(), { records: [...first, ...second].slice(1, 4), next: 4 });
});

test('[audit.complete] a batch sent again because its answer was lost is taken again, and stored once', async () => {
  const world = await makeWorld();
  const lines = chain(3);
  for (let times = 0; times < 2; times++)
    assert.equal((await send(world, lines, checkpoint(world, lines))).status, 204);
  assert.equal(head(world), 3);
  assert.equal((await send(world, [], checkpoint(world, lines))).status, 204);
});

/** Batches behind three stored lines; what they try. */
type Attempt = (stored: readonly string[], world: World) => readonly [records: readonly string[], closed: string];
const ATTEMPTS: readonly (readonly [what: string, attempt: Attempt])[] = [
  [
    'leave one out',
    (stored, world) => {
      const [, ...later] = chain(2, stored);
      return [later, checkpoint(world, [...stored, ...chain(2, stored)])];
    },
  ],
  [
    'change their order',
    (stored, world) => {
      const lines = chain(2, stored);
      return [lines.toReversed(), checkpoint(world, [...stored, ...lines])];
    },
  ],
  [
    'continue another line than the last',
    (stored, world) => {
      const line = JSON.stringify({ seq: 4, prev: sha256Base64url(stored[1]!) });
      return [[line], checkpoint(world, [...stored, line])];
    },
  ],
  [
    'rewrite what is stored',
    (stored, world) => {
      const edited = [stored[0]!, stored[1]!.replace('intent', 'refusal')];
      return [edited, checkpoint(world, stored)];
    },
  ],
  [
    'go beyond their checkpoint',
    (stored, world) => [chain(2, stored), checkpoint(world, [...stored, ...chain(1, stored)])],
  ],
  [
    'end before their checkpoint',
    (stored, world) => [chain(1, stored), checkpoint(world, [...stored, ...chain(2, stored)])],
  ],
  [
    'are closed over another line',
    (stored, world) => [
      chain(1, stored),
      checkpoint(world, [...stored, ...chain(1, stored)], { claims: { hash: sha256Base64url('other') } }),
    ],
  ],
  [
    'begin the journal anew',
    (_, world) => {
      const lines = chain(4, [], { kind: 'forged' });
      return [lines, checkpoint(world, lines)];
    },
  ],
];
for (const [what, attempt] of ATTEMPTS) {
  test(`[audit.complete] records that ${what} are refused whole`, async () => {
    const world = await makeWorld();
    const stored = chain(3);
    assert.equal((await send(world, stored, checkpoint(world, stored))).status, 204);
    await assertProblem(await send(world, ...attempt(stored, world)), 409, 'CONFLICT', BROKEN);
    assert.equal(head(world), 3);
    const audit = await call(world, world.operator, 'GET', '/audit?after=0');
    assert.deepEqual(((await audit.json()) as { records: unknown }).records, stored);
    const next = chain(1, stored);
    assert.equal((await send(world, next, checkpoint(world, [...stored, ...next]))).status, 204);
  });
}

test('[audit.complete] a first record continues the name of the journal and nothing else', async () => {
  const world = await makeWorld();
  const line = JSON.stringify({ seq: 1, prev: sha256Base64url('') });
  await assertProblem(await send(world, [line], checkpoint(world, [line])), 409, 'CONFLICT', BROKEN);
  await assertProblem(
    await send(world, [], checkpoint(world, [], { claims: { hash: sha256Base64url('x') } })),
    409,
    'CONFLICT',
    BROKEN,
  );
  assert.equal((await send(world, [], checkpoint(world, []))).status, 204);
});

test('[audit.complete] a checkpoint that the pinned identity did not sign closes nothing', async () => {
  const world = await makeWorld();
  const lines = chain(1);
  const stranger = makeSigner('Ed25519');
  const said = 'The checkpoint is not by the pinned executor.';
  for (const change of [
    { by: stranger },
    { by: stranger, claims: { iss: stranger.jkt } },
    { claims: { iss: stranger.jkt } },
  ])
    await assertProblem(await send(world, lines, checkpoint(world, lines, change)), 401, 'UNAUTHENTICATED', said);
  await assertProblem(
    await send(world, lines, checkpoint(world, lines, { typ: 'dauth-executor+jws' })),
    401,
    'UNAUTHENTICATED',
    'The checkpoint is of another type (typ).',
  );
  const [top, claims] = checkpoint(world, lines).split('.') as [string, string];
  const [, , signature] = checkpoint(world, []).split('.') as [string, string, string];
  await assertProblem(
    await send(world, lines, `${top}.${claims}.${signature}`),
    401,
    'UNAUTHENTICATED',
    'The checkpoint has a signature that does not verify.',
  );
  assert.equal(head(world), 0);
});

test('a use is shown at its connection, never set back, and an unknown handle is no error', async () => {
  const world = await makeWorld();
  const { sealed } = await connect(world);
  const at = (seconds: number) => new Date((START + seconds) * 1_000).toISOString();
  const lines = [...chain(1, [], { handle: sealed.handle, time: at(20) })];
  for (const members of [
    { handle: sealed.handle, time: at(10) },
    { handle: sealed.handle, time: 'soon' },
    { handle: sealed.handle, time: at(30), kind: 'outcome' },
    { handle: 'ddls:conn:01900000-0000-7000-8000-000000000000', time: at(40) },
    { handle: 'github', time: at(50) },
  ])
    lines.push(...chain(1, lines, members));
  assert.equal((await send(world, lines, checkpoint(world, lines))).status, 204);
  assert.equal(world.store.connections.find(sealed.handle)?.last_used_at, START + 20);
});

test('a batch of another shape is refused', async () => {
  const world = await makeWorld();
  const closed = checkpoint(world, []);
  for (const [records, members, said] of [
    ['x', {}, '"records" must be an array.'],
    [Array(1_001).fill('{}'), {}, '"records" has more than 1000 entries.'],
    [['x'.repeat(16_385)], {}, 'A record is longer than 16384 characters.'],
    [[{}], {}, 'A record must be a non-empty string.'],
    [['[]'], {}, 'A record is not a JSON object.'],
    [['{"seq":1,"seq":1}'], {}, 'A JSON object has a duplicate or forbidden member.'],
    [['{"seq":0}'], {}, '"seq" is out of range.'],
    [['{"seq":"1"}'], {}, '"seq" must be an integer.'],
    [[], { more: 1 }, 'Journal records has a member that is not defined for it.'],
    [[], { checkpoint: undefined }, 'Journal records needs the member "checkpoint".'],
  ] as const)
    await assertProblem(
      await send(world, records as readonly unknown[], closed, members),
      400,
      'INVALID_REQUEST',
      said,
    );
  assert.equal(head(world), 0);
});
