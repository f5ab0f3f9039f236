/** A process that lives through one hostile scene, named by its argument, and ends with 0; or does not. */
import { connect } from 'node:net';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { callAndRead, upstreamFor } from './calls.test-support.ts';
import { World } from './room.test-support.ts';
import { serveRaw, TestCa } from './upstreams.test-support.ts';

const FORM = ['Content-Type', 'application/x-www-form-urlencoded'];
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

async function withWorld(scene: (world: World) => Promise<unknown>): Promise<void> {
  await using world = await World.open();
  await scene(world);
  const reply = await world.stream(await world.connect());
  if (reply.status !== 200) throw new Error(reply.text);
}

async function withAnswer(answer: string): Promise<void> {
  const ca = await TestCa.create();
  await using server = await serveRaw(await ca.issue([{ type: 'dns', value: 'localhost' }]), (socket) => {
    socket.on('data', () => void socket.write(answer, 'latin1'));
  });
  const upstream = upstreamFor(ca.pem);
  for (let i = 0; i < 3; i++)
    await callAndRead(upstream, server.origin, { maxResponseBytes: 50 }).catch(() => undefined);
  await upstream.close();
}

const SCENES: Readonly<Record<string, () => Promise<void>>> = {
  'an override in a body without a token': () =>
    withWorld(async (world) => {
      const path = `/connections/${await world.connect()}/x`;
      await world.send('POST', path, FORM, '_method=DELETE');
    }),
  'an override in a body that nobody reads yet': () =>
    withWorld(async (world) => {
      const handle = await world.connect();
      world.onCall = async () => {
        for (let i = 0; i < 50; i++) await turn();
      };
      await world.stream(handle, '/repos/x', { method: 'POST', headers: FORM, body: '_method=DELETE' });
    }),
  'a caller that resets in the middle of its body': () =>
    withWorld(async (world) => {
      const path = `/connections/${await world.connect()}/x`;
      const socket = connect(world.port, '127.0.0.1');
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${FORM.join(': ')}\r\nContent-Length: 900\r\n\r\nabc`);
      await once(socket, 'connect');
      socket.resetAndDestroy();
      await once(socket, 'close');
    }),
  'an answer that fails in the read of its head': () => withAnswer(`${CHUNKED}ZZ\r\nab\r\n`),
  'an answer that is too large in the read of its head': () => withAnswer(`${CHUNKED}64\r\n${'a'.repeat(100)}\r\n`),
};

await SCENES[process.argv[2]!]!();
