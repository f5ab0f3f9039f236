/** What goes out before a server is known, octet by octet. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { HeldBack } from './held-back.ts';

/** A record (RFC 8446 §5.1) of a kind, with content that begins so. */
function record(kind: number, ...content: readonly number[]): Buffer {
  return Buffer.from([kind, 3, 1, 0, content.length, ...content]);
}
const HELLO = record(22, 1, 0, 0, 0);
const CHANGE = record(20, 1);

/** @returns what arrived of what was written, in this order, and whether each was taken */
async function write(pieces: readonly Buffer[], isKnown: () => boolean): Promise<{ arrived: Buffer; taken: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const tcp = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = (await accepted) as [ReturnType<typeof connect>];
  const came: Buffer[] = [];
  peer.on('data', (octets: Buffer) => came.push(octets));
  peer.on('error', () => undefined);
  const held = new HeldBack(tcp, () => {
    if (!isKnown()) throw new Error('unknown');
  });
  let taken = 0;
  for (const piece of pieces) {
    const error = await new Promise((resolve) => held.write(piece, resolve));
    if (error) break;
    taken++;
  }
  const closed = once(peer, 'close');
  held.end();
  await closed;
  server.close();
  return { arrived: Buffer.concat(came), taken };
}

test('a hello goes out before the server is known, a second one too, and whatever comes once it is', async () => {
  const again = Buffer.concat([CHANGE, HELLO]);
  assert.deepEqual(await write([HELLO, CHANGE, again], () => false), {
    ...{ arrived: Buffer.concat([HELLO, CHANGE, again]), taken: 3 },
  });
  const rest = record(23, 1, 2, 3);
  let asked = 0;
  const known = await write([HELLO, rest, rest], () => ++asked === 1);
  assert.deepEqual([known, asked], [{ arrived: Buffer.concat([HELLO, rest, rest]), taken: 3 }, 1]);
});

const HELD: readonly (readonly [what: string, octets: Buffer])[] = [
  ['a certificate in clear', record(22, 11, 0, 0, 0)],
  ['something encrypted', record(23, 1, 2, 3)],
  ['a certificate in the record of a hello', Buffer.concat([HELLO, record(22, 11, 0, 0, 0)])],
  ['something behind the end of what is hidden', Buffer.concat([CHANGE, record(23, 1, 2, 3)])],
  ['a hello that is longer than its record', Buffer.concat([HELLO, Buffer.of(0)])],
  ['an alert', record(21, 1, 0)],
];
for (const [what, octets] of HELD) {
  test(`[dispatch.bound] what is no hello stays here until the server is known: ${what}`, async () => {
    assert.deepEqual(await write([HELLO, octets], () => false), { arrived: HELLO, taken: 1 });
  });
}
