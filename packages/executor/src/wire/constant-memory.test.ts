import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { before, test } from 'node:test';
import { callAndRead, HANDLE, BEARER, plaintextOf, upstreamFor } from '../support/calls.test-support.ts';
import { serveHttps, TestCa, type Identity } from '../support/upstreams.test-support.ts';

const PIECE = Buffer.alloc(65_536, 'x');
/** Enough that what the collector has not taken yet (some 150 MB on Node 24, whatever the size) is no half of it. */
const PIECES = 8_000;
const TOTAL = PIECE.length * PIECES;

let ca: TestCa;
let identity: Identity;
before(async () => {
  ca = await TestCa.create();
  identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
});

function* pieces(): Generator<Buffer> {
  for (let i = 0; i < PIECES; i++) yield PIECE;
}

/** How far memory outside the collector's heap rose at most while `work` ran: a body that is kept is kept there. */
async function rise(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage();
  const base = before.external + before.arrayBuffers;
  let most = 0;
  const look = setInterval(() => {
    const { external, arrayBuffers } = process.memoryUsage();
    most = Math.max(most, external + arrayBuffers - base);
  }, 5);
  try {
    await work();
  } finally {
    clearInterval(look);
  }
  return most;
}

test('a body of half a gigabyte goes up in constant memory', async () => {
  let octets = 0;
  await using server = await serveHttps(identity, (request, response) => {
    request.on('data', (chunk: Buffer) => (octets += chunk.length));
    request.on('end', () => response.end('done'));
  });
  const upstream = upstreamFor(ca.pem);
  const most = await rise(async () => {
    const answer = await callAndRead(upstream, server.origin, {
      method: 'POST' as never,
      body: Readable.from(pieces()),
    });
    assert.equal(answer.body.toString(), 'done');
  });
  await upstream.close();
  assert.equal(octets, TOTAL);
  assert.ok(most < TOTAL / 2, `rose by ${most} octets`);
});

test('a body of half a gigabyte comes back in constant memory, at the pace of a slow reader', async () => {
  await using server = await serveHttps(identity, (_, response) => void Readable.from(pieces()).pipe(response));
  const upstream = upstreamFor(ca.pem);
  let octets = 0;
  const most = await rise(async () => {
    const answer = await upstream.call({
      connection: { handle: HANDLE, ver: 1 },
      address: await upstream.check(server.origin),
      method: 'GET' as never,
      target: '/',
      headers: [],
      body: null,
      injections: BEARER,
      open: () => plaintextOf({ token: 'sk_test_secret_value_0001' }),
      beforeSend: () => undefined,
    });
    let reads = 0;
    for await (const chunk of answer.body) {
      octets += (chunk as Buffer).length;
      // The upstream has every chance to run ahead.
      if (reads++ % 64 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.deepEqual(await answer.finished, { status: 200, bytes: TOTAL, redactions: 0, error: null });
  });
  await upstream.close();
  assert.equal(octets, TOTAL);
  assert.ok(most < TOTAL / 2, `rose by ${most} octets`);
});
