/** What callers may make the executor hold whole, through its real doors: one owner fills no more than its own part. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import type { ConnectionHandle } from '@dauth/protocol';
import type { Reply } from '../support/door-caller.test-support.ts';
import { World } from '../support/room.test-support.ts';
import { ORIGIN } from '../support/statements.test-support.ts';
import { until } from '../support/until.test-support.ts';

const PATH = '/repos/a';
/** Nobody has to see what is sent here. */
const PLAIN = '/repos/b';
const MIB = 1_048_576;
/** Of 64 places one owner has 16, and with them 12 MiB: what one buffered dispatch may hold alone. */
const CONFIG = { limits: { concurrency: 64 } };

let world: World;
let handle: ConnectionHandle;
let release = (): void => undefined;
before(async () => {
  world = await World.open({ config: CONFIG });
  const body = [{ pointer: '/a', equals: 1 }];
  const rules = [
    { origin: ORIGIN, methods: ['POST'], paths: [PATH], body },
    { origin: ORIGIN, methods: ['POST', 'GET'], paths: [PLAIN] },
  ];
  handle = await world.connect({ allow: rules });
});
after(() => world[Symbol.asyncDispose]());

/** Calls one after the other, each open until the end, until one is answered early. */
async function openUntilRefused(most: number, call: () => Promise<Reply>): Promise<{ open: number; reply: Reply }> {
  const released = new Promise<void>((resolve) => (release = resolve));
  world.answer = () => released.then(() => ({}));
  const open: Promise<Reply>[] = [];
  const early: Reply[] = [];
  try {
    while (open.length < most && early.length === 0) {
      const sent = world.sent.length;
      open.push(call());
      void open.at(-1)!.then((reply) => early.push(reply));
      await until('the call is open, or answered', () => world.sent.length > sent || early.length > 0);
    }
    return { open: open.length - early.length, reply: early[0]! };
  } finally {
    release();
    await Promise.all(open);
    world.answer = () => ({});
  }
}

const big = (octets: number): string => `{"a":1,"b":"${'x'.repeat(octets - 14)}"}`;

test('[dispatch.bound] an owner whose bodies are read for their conditions holds 12 MiB of them, and then is asked to wait', async () => {
  const headers = ['Content-Type', 'application/json'];
  const ask = () => world.stream(handle, PATH, { method: 'POST', headers, body: big(MIB) });
  const { open, reply } = await openUntilRefused(16, ask);
  assert.equal(open, 12);
  assert.equal(reply.headers['dauth-error'], 'RATE_LIMITED');
  assert.match(String(reply.json.detail), /Too many large bodies/);
  assert.equal((await ask()).headers['dauth-upstream'], '1', 'what was held is given back');
});

test('[dispatch.bound] an owner with large buffered dispatches holds 12 MiB of them, and then is asked to wait', async () => {
  const ask = () => world.dispatch(handle, { method: 'POST', path: PLAIN, body: 'x'.repeat(4 * MIB - 500) });
  const { open, reply } = await openUntilRefused(16, ask);
  assert.equal(open, 3);
  assert.equal(reply.headers['dauth-error'], 'RATE_LIMITED');
  assert.equal((await ask()).json.success, true);
});

test('[dispatch.bound] large answers that are held whole are counted too, and what streams by is not', async () => {
  const ask = () => world.dispatch(handle, { method: 'POST', path: PLAIN, body: 'x'.repeat(4 * MIB - 500) });
  const released = new Promise<void>((resolve) => (release = resolve));
  const sent = world.sent.length;
  world.answer = ({ method }) =>
    method === 'POST'
      ? released.then(() => ({}))
      : { headers: [['content-type', 'text/plain']], body: Readable.from([Buffer.alloc(5 * MIB, 'y')]) };
  const open = [ask(), ask()];
  try {
    await until('both are open', () => world.sent.length === sent + 2);
    const reply = await world.dispatch(handle, { path: PLAIN });
    assert.equal(reply.headers['dauth-error'], 'RESPONSE_TOO_LARGE');
    assert.match(JSON.stringify(reply.json), /Use the streaming form/);
    assert.equal((await world.stream(handle, PLAIN)).text.length, 5 * MIB);
  } finally {
    release();
    await Promise.all(open);
    world.answer = () => ({});
  }
});
