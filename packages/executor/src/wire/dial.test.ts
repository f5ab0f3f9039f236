/** What a socket is when it is handed over; whom it may lead to is in where/certificate, where/pins and upstream. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { CheckedAddress } from '../where/address.ts';
import { dial, trustOf } from './dial.ts';

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
