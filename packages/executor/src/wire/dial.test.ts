/** What a socket is when it is handed over; whom it may lead to is in where/certificate, where/pins and upstream. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { CheckedAddress } from '../where/address.ts';
import { callAndRead, refusalOf, upstreamFor } from '../support/calls.test-support.ts';
import { TestCa } from '../support/upstreams.test-support.ts';
import { dial, trustOf } from './dial.ts';

/** The whole call would end later, and in the same words. */
const LIMITS = { connectMs: 300, totalMs: 6_000 };

/** A call to that port ends when the time to connect is over. */
async function endsInTime(t: TestContext, port: number): Promise<void> {
  const upstream = upstreamFor((await TestCa.create()).pem, { limits: LIMITS });
  // After the other end is gone: it waits for whoever still connects.
  t.after(() => upstream.close());
  const start = performance.now();
  const { code } = await refusalOf(callAndRead(upstream, `https://localhost:${port}`));
  const ms = performance.now() - start;
  assert.equal(code, 'DOWNSTREAM_TIMEOUT');
  assert.ok(ms >= LIMITS.connectMs - 10 && ms < LIMITS.totalMs - 1_000, `it took ${ms} ms`);
}

test('[crash.safe] a socket that fails before anybody has it ends nothing', async () => {
  const server = createServer((peer) => peer.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const address = { scheme: 'http', host: 'localhost', port, ips: ['127.0.0.1'] } as unknown as CheckedAddress;
  const socket = await dial({ address }, trustOf([]), 10_000, () => undefined);
  assert.ok(socket.listenerCount('error') > 0, 'somebody listens from the first moment on');
  socket.destroy();
  server.close();
});

test('[dispatch.bound] a server that takes the connection and never shakes hands ends the call in time', async (t) => {
  const taken: Socket[] = [];
  const server = createServer((peer) => taken.push(peer.on('error', () => undefined).resume())).listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    for (const peer of taken) peer.destroy();
  });
  await once(server, 'listening');
  await endsInTime(t, (server.address() as AddressInfo).port);
  assert.equal(taken.length, 1, 'control: it was connected');
});

/** Listens and never accepts: what its queue has no place for is not answered. */
const DEAF = `
  const { parentPort } = require('node:worker_threads');
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

/** @returns its port, when its queue is full */
async function deaf(t: TestContext): Promise<number> {
  const worker = new Worker(DEAF, { eval: true });
  t.after(() => worker.terminate());
  const [port] = (await once(worker, 'message')) as [number];
  const waiting = Array.from({ length: 6 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  t.after(() => waiting.forEach((socket) => socket.destroy()));
  await sleep(200);
  assert.ok(waiting.at(-1)!.connecting, 'control: nobody is answered any more');
  return port;
}

test(
  '[dispatch.bound] a server that does not answer at all ends the call in time',
  { skip: process.platform === 'linux' ? false : 'Other systems refuse whom a full queue has no place for.' },
  async (t) => endsInTime(t, await deaf(t)),
);
