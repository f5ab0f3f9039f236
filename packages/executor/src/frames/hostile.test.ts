/** An upstream that owns its end of a WebSocket: a handshake that is none, frames that are none, and no end. Written as attacks. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { ErrorCode } from '@dauth/protocol';
import { upstreamFor } from '../support/calls.test-support.ts';
import { SECRET, World } from '../support/room.test-support.ts';
import { TestCa, type Identity } from '../support/upstreams.test-support.ts';
import {
  CallerSocket,
  openSocket,
  serveHandshakes,
  serveWebSockets,
  switching,
  type Refused,
} from '../support/web-sockets.test-support.ts';
import { OPCODE, writeFrame } from './frame.ts';

const MAX_BYTES = 262_144;
/** A ping after half of it; longer than a busy machine stands still. */
const IDLE_MS = 3_000;

let identity: Identity;
let world: World;
before(async () => {
  const ca = await TestCa.create();
  identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
  world = await World.open({
    config: { limits: { streamedResponseBytes: MAX_BYTES } },
    upstream: (nowMs) => upstreamFor(ca.pem, { nowMs, limits: { idleMs: IDLE_MS } }),
  });
});
after(() => world[Symbol.asyncDispose]());

async function open(origin: string, protocols: readonly string[] = []): Promise<CallerSocket | Refused> {
  const allow = [{ origin, methods: ['GET'], paths: ['/repos/**'], websocket: true }];
  return openSocket(world, await world.connect({ allow }), { origin, protocols });
}

const HANDSHAKES: readonly (readonly [name: string, answer: (accept: string) => string])[] = [
  ['the accept value of another key', () => switching('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')],
  ['no accept value', (accept) => switching(accept).replace(/Sec-WebSocket-Accept: .*\r\n/, '')],
  ['two accept values', (accept) => switching(accept, `Sec-WebSocket-Accept: ${accept}\r\n`)],
  [
    'an extension that nobody offered',
    (accept) => switching(accept, 'Sec-WebSocket-Extensions: permessage-deflate\r\n'),
  ],
  ['a subprotocol that nobody offered', (accept) => switching(accept, 'Sec-WebSocket-Protocol: v3\r\n')],
  ['two subprotocols', (accept) => switching(accept, 'Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Protocol: v2\r\n')],
  ['another protocol', (accept) => switching(accept).replace('Upgrade: websocket', 'Upgrade: h2c')],
  ['a 101 without an upgrade', (accept) => switching(accept).replace('Upgrade: websocket\r\n', '')],
  ['a 101 without a connection header', (accept) => switching(accept).replace('Connection: Upgrade\r\n', '')],
];
for (const [name, answer] of HANDSHAKES) {
  test(`[response.clean] an upstream cannot switch to what is no answer to our handshake: ${name}`, async () => {
    await using server = await serveHandshakes(identity, answer);
    // A 101 may be none to the client either.
    const got = await open(server.origin, ['v1', 'v2']).catch(() => null);
    assert.ok(got !== null && !(got instanceof CallerSocket));
    assert.deepEqual([got.status, got.json.code], [502, 'RESPONSE_UNSCANNABLE']);
  });
}

test('control: the same answer, unchanged, opens one', async () => {
  await using server = await serveHandshakes(identity, (accept) => switching(accept, 'Sec-WebSocket-Protocol: v2\r\n'));
  const got = await open(server.origin, ['v1', 'v2']);
  assert.ok(got instanceof CallerSocket);
  assert.equal(got.socket.protocol, 'v2');
  got.socket.terminate();
});

const frame = (opcode: number, payload: Uint8Array | string, isLast = true) =>
  writeFrame('server', opcode, isLast, Buffer.from(payload as string));
const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const FRAMES: readonly (readonly [name: string, octets: Uint8Array, code: number, reason: ErrorCode])[] = [
  ['masked', writeFrame('client', OPCODE.text, true, Buffer.from('x')), 1014, 'RESPONSE_UNSCANNABLE'],
  ['compressed', hex('c10548656c6c6f'), 1014, 'RESPONSE_UNSCANNABLE'],
  ['of no known kind', hex('8300'), 1014, 'RESPONSE_UNSCANNABLE'],
  ['a text that is no UTF-8', frame(OPCODE.text, hex('61ff')), 1014, 'RESPONSE_UNSCANNABLE'],
  ['a text that ends in a character', frame(OPCODE.text, hex('61c3')), 1014, 'RESPONSE_UNSCANNABLE'],
  ['a close code that is none', frame(OPCODE.close, hex('03ed')), 1014, 'RESPONSE_UNSCANNABLE'],
  ['a message that says it is too large', hex('827f0000000001000001'), 1009, 'RESPONSE_TOO_LARGE'],
  ['more than a call may bring', frame(OPCODE.binary, Buffer.alloc(MAX_BYTES + 1)), 1009, 'RESPONSE_TOO_LARGE'],
  [
    'a message of endless fragments',
    Buffer.concat([frame(OPCODE.text, '', false), Buffer.alloc(140_000)]),
    1009,
    'RESPONSE_TOO_LARGE',
  ],
];
for (const [name, octets, code, reason] of FRAMES) {
  for (const pieces of [1, 2]) {
    test(`[response.clean] frames that cannot be read end both sides: ${name}, in ${pieces}`, async () => {
      let ended = (): void => undefined;
      const end = new Promise<void>((resolve) => (ended = resolve));
      await using server = await serveHandshakes(identity, switching, (socket) => {
        socket.on('close', ended).resume();
        const half = pieces === 1 ? octets.length : 1;
        socket.write(octets.subarray(0, half));
        socket.write(octets.subarray(half));
      });
      const got = await open(server.origin);
      assert.ok(got instanceof CallerSocket);
      assert.deepEqual(await got.closed, { code, reason });
      assert.deepEqual(got.received, []);
      await end;
    });
  }
}

async function heard(talk: (socket: TLSSocket) => void): Promise<CallerSocket> {
  const server = await serveHandshakes(identity, switching, talk);
  const got = await open(server.origin);
  assert.ok(got instanceof CallerSocket);
  await got.closed;
  await server[Symbol.asyncDispose]();
  return got;
}

test('[response.clean] a credential is found in a message in fragments of one octet, with pings between them', async () => {
  const got = await heard((socket) => {
    const octets = [...Buffer.from(`<${SECRET}>`)];
    octets.forEach((octet, at) => {
      socket.write(frame(at === 0 ? OPCODE.text : OPCODE.continuation, Buffer.of(octet), at === octets.length - 1));
      socket.write(frame(OPCODE.ping, SECRET));
    });
    socket.write(frame(OPCODE.close, Buffer.concat([hex('0fa0'), Buffer.from(SECRET)])));
  });
  assert.deepEqual(got.received, [
    { text: `<${'*'.repeat(SECRET.length)}>`, octets: Buffer.from(`<${'*'.repeat(SECRET.length)}>`) },
  ]);
  assert.deepEqual(await got.closed, { code: 4000, reason: '*'.repeat(SECRET.length) });
});

test('[response.clean] frames that come in one piece with the handshake are scanned like any other', async () => {
  await using server = await serveHandshakes(
    identity,
    (accept) => switching(accept) + frame(OPCODE.text, `early ${SECRET}`).toString('latin1'),
  );
  const got = await open(server.origin);
  assert.ok(got instanceof CallerSocket);
  assert.equal((await got.message(0)).text, `early ${'*'.repeat(SECRET.length)}`);
  got.socket.terminate();
});

test('an upstream that ends its socket without a close is no end as it should be', async () => {
  const got = await heard((socket) => socket.end(frame(OPCODE.text, 'half', false)));
  assert.deepEqual(await got.closed, { code: 1014, reason: 'DOWNSTREAM_UNREACHABLE' });
  assert.deepEqual(got.received, []);
});

test('an upstream that closes and does not wait is heard', async () => {
  const got = await heard((socket) => socket.end(frame(OPCODE.close, hex('0fa1'))));
  assert.equal((await got.closed).code, 4001);
});

test('an upstream that says nothing, not even to a ping, is cut off', async () => {
  const got = await heard((socket) => void socket.resume());
  assert.deepEqual(await got.closed, { code: 1001, reason: 'DOWNSTREAM_TIMEOUT' });
});

test('one that answers pings may be quiet', async () => {
  let pings = 0;
  await using server = await serveWebSockets(identity, (socket) => {
    socket.on('ping', () => {
      if (++pings === 3) socket.send('still here');
    });
  });
  const got = await open(server.origin);
  assert.ok(got instanceof CallerSocket);
  assert.equal((await got.message(0)).text, 'still here');
  got.socket.terminate();
});

test('a flood of pings is answered without a queue', async () => {
  const flood = Buffer.concat(Array.from({ length: 20_000 }, () => frame(OPCODE.ping, 'x'.repeat(125))));
  const got = await heard((socket) => {
    // Nothing of it is read: the answers have nowhere to go.
    socket.pause();
    socket.write(flood, () => socket.write(frame(OPCODE.close, hex('0fa2'))));
  });
  assert.equal((await got.closed).code, 4002);
});

test('[dispatch.bound] a caller whose frames cannot be read is told so, and the upstream that it went away', async () => {
  let close: (code: number) => void = () => undefined;
  const code = new Promise<number>((resolve) => (close = resolve));
  await using server = await serveWebSockets(identity, (socket) => socket.on('close', close));
  const got = await open(server.origin);
  assert.ok(got instanceof CallerSocket);
  // Bare, which no client's frame is.
  const { _socket: bare } = got.socket as unknown as { readonly _socket: TLSSocket };
  bare.write(frame(OPCODE.text, 'x'));
  assert.equal((await got.closed).code, 1002);
  assert.equal(await code, 1001);
});
