/** Who leaves a streamed dispatch, over real sockets: each end hears that the other one is gone, in the middle of either body. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { ConnectionHandle } from '@dauth/protocol';
import { upstreamFor } from '../support/calls.test-support.ts';
import { World } from '../support/room.test-support.ts';
import { detail } from '../support/statements.test-support.ts';
import { until } from '../support/until.test-support.ts';
import { serveRaw, TestCa, type TestServer } from '../support/upstreams.test-support.ts';

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const LINE = '6\r\ndata\n\n\r\n';

/** The socket of one call at the upstream, and what it heard. */
interface Heard {
  readonly socket: TLSSocket;
  text: string;
  isClosed: boolean;
}

let server: TestServer;
let world: World;
let handle: ConnectionHandle;
/** Every socket so far: a call is found by its path, whichever one it took. */
const heard: Heard[] = [];
let calls = 0;
before(async () => {
  const ca = await TestCa.create();
  server = await serveRaw(await ca.issue([{ type: 'dns', value: 'localhost' }]), (socket) => {
    const call: Heard = { socket, text: '', isClosed: false };
    heard.push(call);
    socket.on('data', (octets: Buffer) => (call.text += octets.toString('latin1')));
    socket.on('close', () => (call.isClosed = true));
  });
  world = await World.open({ upstream: (nowMs) => upstreamFor(ca.pem, { nowMs }) });
  const rule = { origin: server.origin, methods: ['GET', 'POST'], paths: ['/repos/**'] };
  handle = await world.connect({ allow: [rule] });
});
after(async () => {
  await world[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const token = (): string =>
  world.token(handle, { authorization_details: [detail(handle, { locations: [server.origin] })] });

/** The call with that target, once the upstream read it up to there. */
async function arrived(target: string, end: string): Promise<Heard> {
  const call = (): Heard | undefined => heard.find(({ text }) => text.includes(` ${target} `) && text.endsWith(end));
  await until('the upstream has the request', () => call() !== undefined);
  return call()!;
}

/** A caller whose request has reached the upstream as far as it was sent. */
async function calling(method: 'GET' | 'POST', framing = '', body = ''): Promise<{ caller: Socket; call: Heard }> {
  const target = `/repos/${calls++}`;
  const path = `/connections/${handle}${target}`;
  const [name, dpop, proofName, proof] = world.headers(method, path, token());
  const caller = connect(world.port, '127.0.0.1').on('error', () => undefined);
  const own = `${name}: ${dpop}\r\n${proofName}: ${proof}\r\n${framing}`;
  caller.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\n${own}\r\n${body}`);
  return { caller, call: await arrived(target, body === '' ? '\r\n\r\n' : 'half') };
}

for (const [how, leave] of [
  ['closes', (caller: Socket) => caller.destroy()],
  ['resets', (caller: Socket) => caller.resetAndDestroy()],
] as const) {
  test(`a caller that ${how} while its answer flows ends it upstream`, async () => {
    const { caller, call } = await calling('GET');
    call.socket.write(HEAD + LINE);
    await once(caller, 'data');
    assert.equal(call.isClosed, false, 'control: the answer is under way');
    leave(caller);
    await until('the upstream hears of it', () => call.isClosed);
  });

  test(`a caller that ${how} before there is an answer ends its request upstream`, async () => {
    const { caller, call } = await calling('GET');
    assert.equal(call.isClosed, false, 'control: the request is under way');
    leave(caller);
    await until('the upstream hears of it', () => call.isClosed);
  });

  test(`a caller that ${how} while its own body flows ends it upstream, and nothing there looks whole`, async () => {
    for (const [framing, body] of [
      ['Content-Type: application/octet-stream\r\nContent-Length: 900\r\n', 'half'],
      ['Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n', '4\r\nhalf\r\n'],
    ] as const) {
      const { caller, call } = await calling('POST', framing, body);
      assert.equal(call.isClosed, false, 'control: the body is under way');
      leave(caller);
      await until('the upstream hears of it', () => call.isClosed);
      assert.equal(call.text.endsWith('half'), true, call.text);
    }
  });
}

for (const [how, breakOff] of [
  ['ends', (socket: TLSSocket) => socket.end()],
  ['is cut off', (socket: TLSSocket) => socket.destroy()],
] as const)
  test(`an upstream that ${how} in the middle of its answer is a reset for the caller`, async () => {
    const target = `/repos/${calls++}`;
    const isCut = assert.rejects(world.stream(handle, target, { token: token() }), { code: 'ECONNRESET' });
    const { socket } = await arrived(target, '\r\n\r\n');
    socket.write(HEAD + LINE);
    setTimeout(() => breakOff(socket), 50);
    await isCut;
  });
