/**
 * That a request is sent once: what an upstream did with one whose answer is lost is not known, so nothing here asks a second time,
 * whatever its method and however new its socket.
 */
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callAndRead, refusalOf, type CallOptions } from '../support/calls.test-support.ts';
import { started } from '../support/upstreams.test-support.ts';
import { createUpstream } from './upstream.ts';

/** Milliseconds in which a second request would have come. */
const LATER_MS = 150;
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const POST = { method: 'POST' as never, body: Buffer.from('transfer=1'), target: '/lost' };

// Over http, for a socket of TLS has no reset to send; the rest of the way is the same.
const upstream = createUpstream({ ca: [], dangerouslyAllowLoopback: true, nowMs: Date.now });
after(() => upstream.close());

/** Resets each connection on which `/lost` was read as far as `until`; counts the requests for it. */
function resetting(until: RegExp, asked: { times: number }): (socket: Socket) => void {
  return (socket) => {
    let read = '';
    socket
      .on('error', () => undefined)
      .on('data', (octets: Buffer) => {
        read += octets.toString('latin1');
        if (read.includes(' /lost ') && until.test(read)) {
          asked.times++;
          read = '';
          socket.resetAndDestroy();
        } else if (read.includes(' /first ') && read.includes('\r\n\r\n')) {
          read = '';
          socket.write(ANSWER);
        }
      });
  };
}

const SCENES: readonly (readonly [what: string, until: RegExp, call: CallOptions])[] = [
  ['a POST whose head was read', /\r\n\r\n/, POST],
  ['a POST whose body was read', /transfer=1$/, POST],
  ['a GET, which could be,', /\r\n\r\n/, { target: '/lost' }],
];
for (const isKept of [false, true])
  for (const [what, until, call] of SCENES)
    test(`[dispatch.bound] ${what} is not sent again after a reset of ${isKept ? 'a used' : 'a new'} socket`, async () => {
      const asked = { times: 0 };
      await using server = await started(createServer(resetting(until, asked)) as never, 'localhost');
      const origin = `http://localhost:${server.port}`;
      if (isKept) {
        const { status } = await callAndRead(upstream, origin, { target: '/first' });
        assert.equal(status, 200);
        // The HTTP client needs a moment before it takes the same socket.
        await sleep(30);
      }
      const refused = await refusalOf(callAndRead(upstream, origin, call));
      assert.equal(refused.code, 'DOWNSTREAM_UNREACHABLE');
      await sleep(LATER_MS);
      assert.deepEqual([asked.times, server.connections()], [1, 1]);
      const { status } = await callAndRead(upstream, origin, { target: '/first' });
      assert.equal(status, 200, 'control: the next one is sent');
    });

for (const [what, call] of [
  ['a GET', { target: '/first' }],
  ['a POST', { ...POST, target: '/first' }],
] as const)
  test(`${what} goes once, by a new socket, where the kept one ended before an octet of it was sent`, async () => {
    let requests = 0;
    const endsKept = (socket: Socket): void => {
      socket
        .on('error', () => undefined)
        .on('data', (octets: Buffer) => {
          if (!octets.includes(' /first ')) return;
          requests++;
          // Says nothing of closing: the executor keeps the socket, and finds it ended.
          socket.end(ANSWER);
        });
    };
    await using server = await started(createServer(endsKept) as never, 'localhost');
    const origin = `http://localhost:${server.port}`;
    for (const sockets of [1, 2]) {
      const { status } = await callAndRead(upstream, origin, call);
      assert.deepEqual([status, requests, server.connections()], [200, sockets, sockets]);
      await sleep(30);
    }
  });
