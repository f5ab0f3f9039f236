/** Frames against RFC 6455 §5 and against another implementation: what it writes is read, and what it refuses is refused. */
import assert from 'node:assert/strict';
import type { Writable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { isCloseCode, LIMITS } from '@dauth/protocol';
import * as ws from 'ws';
import { FrameError, OPCODE, writeFrame, type MessageKind, type Sender } from './frame.ts';
import { FrameReader } from './reader.ts';
import { Utf8Check } from './utf8-check.ts';

/** It is there, and its types leave it out. */
const { Receiver } = ws as unknown as {
  readonly Receiver: new (options: { isServer: boolean; maxPayload: number }) => Writable;
};

interface Message {
  readonly kind: MessageKind;
  readonly octets: Buffer;
}

interface Read {
  readonly messages: Message[];
  readonly pings: Buffer[];
  close?: { readonly code: number | null; readonly reason: string };
  /** The code of the refusal. */
  refused?: number;
}

/** Reads the octets in pieces of a size. */
function read(peer: Sender, octets: Uint8Array, size = octets.length): Read {
  const seen: Read = { messages: [], pings: [] };
  let pieces: Buffer[] = [];
  using reader = new FrameReader(peer, {
    data: (kind, piece, isLast) => {
      pieces.push(Buffer.from(piece));
      if (!isLast) return;
      seen.messages.push({ kind, octets: Buffer.concat(pieces) });
      pieces = [];
    },
    ping: (payload) => seen.pings.push(Buffer.from(payload)),
    close: (code, reason) => (seen.close = { code, reason: reason.toString('utf8') }),
  });
  try {
    for (let at = 0; at < octets.length; at += Math.max(size, 1))
      reader.push(Buffer.from(octets.subarray(at, at + size)));
  } catch (error) {
    assert.ok(error instanceof FrameError);
    seen.refused = error.code;
  }
  return seen;
}

const frame = (opcode: number, payload: Uint8Array | string = '', isLast = true, by: Sender = 'server') =>
  writeFrame(by, opcode, isLast, Buffer.from(payload as string));

/** RFC 6455 §5.7, to the octet. */
const EXAMPLES: readonly (readonly [name: string, peer: Sender, hex: string, expected: Read])[] = [
  ['an unmasked text', 'server', '810548656c6c6f', { messages: [text('Hello')], pings: [] }],
  ['a masked text', 'client', '818537fa213d7f9f4d5158', { messages: [text('Hello')], pings: [] }],
  ['a text in two fragments', 'server', '010348656c80026c6f', { messages: [text('Hello')], pings: [] }],
  ['a ping', 'server', '890548656c6c6f', { messages: [], pings: [Buffer.from('Hello')] }],
  ['a masked pong', 'client', '8a8537fa213d7f9f4d5158', { messages: [], pings: [] }],
];
for (const [name, peer, hex, expected] of EXAMPLES) {
  test(`RFC 6455 §5.7 is read as it says: ${name}`, () => {
    for (const size of [1, 2, 3, 99]) assert.deepEqual(read(peer, Buffer.from(hex, 'hex'), size), expected);
  });
}

function text(octets: string): Message {
  return { kind: 'text', octets: Buffer.from(octets) };
}

test('lengths of all three forms are read and written, at their borders', () => {
  for (const length of [0, 125, 126, 65_535, 65_536, 70_000]) {
    const octets = Buffer.alloc(length, 'x');
    for (const by of ['client', 'server'] as const) {
      const seen = read(by, frame(OPCODE.binary, octets, true, by), 16_384);
      assert.deepEqual(seen.messages, [{ kind: 'binary', octets }]);
    }
  }
});

const HELLO = Buffer.from('Hello');
const BROKEN: readonly (readonly [name: string, peer: Sender, octets: Uint8Array, code: number])[] = [
  ['a first reserved bit, as of compression', 'server', Buffer.from('c10548656c6c6f', 'hex'), 1002],
  ['a second reserved bit', 'server', Buffer.from('a10548656c6c6f', 'hex'), 1002],
  ['a third reserved bit', 'server', Buffer.from('910548656c6c6f', 'hex'), 1002],
  ['a frame of no known kind', 'server', Buffer.from('8300', 'hex'), 1002],
  ['a control frame of no known kind', 'server', Buffer.from('8b00', 'hex'), 1002],
  ['a masked frame of a server', 'server', frame(OPCODE.text, HELLO, true, 'client'), 1002],
  ['a bare frame of a client', 'client', frame(OPCODE.text, HELLO), 1002],
  ['a control frame in fragments', 'server', frame(OPCODE.ping, HELLO, false), 1002],
  ['a control frame that is too long', 'server', frame(OPCODE.ping, Buffer.alloc(126)), 1002],
  ['a continuation of nothing', 'server', frame(OPCODE.continuation, HELLO), 1002],
  [
    'a message within a message',
    'server',
    Buffer.concat([frame(OPCODE.text, 'a', false), frame(OPCODE.text, 'b')]),
    1002,
  ],
  ['a short length in the middle form', 'server', Buffer.from('827e0001aa', 'hex'), 1002],
  ['a middle length in the long form', 'server', Buffer.from('827f000000000000ffff', 'hex'), 1002],
  ['a length with its first bit', 'server', Buffer.from('827f8000000000010000', 'hex'), 1002],
  ['a length that no number holds', 'server', Buffer.from('827f0001000000000000', 'hex'), 1009],
  ['a message over the bound', 'server', Buffer.from('827f0000000001000001', 'hex'), 1009],
  ['half a close code', 'server', Buffer.from('880103', 'hex'), 1002],
  ['a close code that is never sent', 'server', frame(OPCODE.close, Buffer.from('03ed', 'hex')), 1002],
  ['a close reason that is no UTF-8', 'server', frame(OPCODE.close, Buffer.from('03e8ff', 'hex')), 1007],
  ['a close reason cut in a character', 'server', frame(OPCODE.close, Buffer.from('03e8c3', 'hex')), 1007],
];
for (const [name, peer, octets, code] of BROKEN) {
  test(`[dispatch.bound] a frame that could be read in two ways ends the connection: ${name}`, () => {
    for (const size of [1, 2, 99]) {
      const seen = read(peer, octets, size);
      assert.deepEqual([seen.refused, seen.messages, seen.pings, seen.close], [code, [], [], undefined]);
    }
  });
}

test('[dispatch.bound] fragments of a message are bounded, in octets and in number', () => {
  const half = LIMITS.webSocketMessage / 2;
  const piece = frame(OPCODE.continuation, Buffer.alloc(half), false);
  const begin = frame(OPCODE.binary, Buffer.alloc(half), false);
  assert.equal(read('server', Buffer.concat([begin, piece]), 65_536).refused, undefined);
  assert.equal(read('server', Buffer.concat([begin, piece, frame(OPCODE.continuation, 'x')]), 65_536).refused, 1009);
  const empty = Array.from({ length: LIMITS.webSocketFrames }, () => Buffer.from([0, 0]));
  // Few in a piece, which has a bound of its own.
  assert.equal(read('server', Buffer.concat([frame(OPCODE.text, '', false), ...empty]), 1_024).refused, 1009);
});

test('after a close nothing is read, not even what is broken', () => {
  const octets = Buffer.concat([frame(OPCODE.close, Buffer.from('03e8', 'hex')), Buffer.from('ffff', 'hex')]);
  assert.deepEqual(read('server', octets), { messages: [], pings: [], close: { code: 1000, reason: '' } });
  assert.deepEqual(read('server', frame(OPCODE.close)).close, { code: null, reason: '' });
});

test('close codes are those that may be sent', () => {
  const good = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
  const bad = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
  assert.deepEqual(
    good.filter((code) => !isCloseCode(code)),
    [],
  );
  assert.deepEqual(bad.filter(isCloseCode), []);
});

const NOT_TEXT: readonly (readonly [name: string, hex: string])[] = [
  ['two octets for one of ASCII', 'c080'],
  ['three octets where two do', 'e09fbf'],
  ['four octets where three do', 'f08fbfbf'],
  ['half of a pair', 'eda080'],
  ['beyond the last character', 'f4908080'],
  ['a lead that there is none of', 'f5808080'],
  ['a middle without a lead', '80'],
];
for (const [name, hex] of NOT_TEXT) {
  test(`[response.clean] text that readers read in different ways is none: ${name}`, () => {
    const octets = Buffer.from(hex, 'hex');
    assert.equal(new Utf8Check().takes(octets), false);
  });
}

test('UTF-8 is what the platform takes for it, in pieces of any size', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const isText = (octets: Uint8Array): boolean => {
    try {
      decoder.decode(octets);
      return true;
    } catch {
      return false;
    }
  };
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 8 }).map((letters) => new Uint8Array(Buffer.from(letters))),
    fc
      .array(fc.constantFrom(0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5))
      .map((all) => Uint8Array.from(all)),
  );
  fc.assert(
    fc.property(octets, fc.integer({ min: 1, max: 4 }), (given, size) => {
      const check = new Utf8Check();
      let isGood = true;
      for (let at = 0; at < given.length && isGood; at += size) isGood = check.takes(given.subarray(at, at + size));
      assert.equal(isGood && check.isWhole, isText(given));
    }),
    { numRuns: 2_000 },
  );
});

/** What another implementation makes of frames. */
async function oracle(peer: Sender, octets: Buffer): Promise<Read> {
  const seen: Read = { messages: [], pings: [] };
  const receiver = new Receiver({ isServer: peer === 'client', maxPayload: LIMITS.webSocketMessage });
  receiver.on('message', (data: Buffer, isBinary: boolean) =>
    seen.messages.push({ kind: isBinary ? 'binary' : 'text', octets: Buffer.from(data) }),
  );
  receiver.on('ping', (payload: Buffer) => seen.pings.push(Buffer.from(payload)));
  receiver.on('conclude', (code: number, reason: Buffer) => {
    seen.close = { code: code === 1005 ? null : code, reason: reason.toString('utf8') };
  });
  await new Promise<void>((resolve) => {
    receiver.on('error', (error: Error & { [key: symbol]: number }) => {
      seen.refused =
        error[Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code')!]!;
      resolve();
    });
    receiver.on('finish', resolve);
    // It unmasks in place.
    receiver.end(Buffer.from(octets));
  });
  return seen;
}

/** Frames of any kind, most of them right. */
const FRAMES = fc.array(
  fc.record({
    first: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a) },
      { weight: 1, arbitrary: fc.constantFrom(0x88, 0xc1, 0x83, 0x8b, 0x09, 0x91, 0xa2) },
    ),
    payload: fc.oneof(
      fc.string({ maxLength: 20 }).map((letters) => Buffer.from(letters)),
      fc.uint8Array({ maxLength: 4 }).map((all) => Buffer.from(all)),
      fc.constantFrom(Buffer.alloc(126, 'x'), Buffer.from('03e8', 'hex'), Buffer.from('0bb8616263', 'hex')),
    ),
  }),
  { maxLength: 6 },
);

test('frames are read as another implementation reads them, and refused where it refuses them', async () => {
  await fc.assert(
    fc.asyncProperty(
      FRAMES,
      fc.constantFrom<Sender>('client', 'server'),
      fc.integer({ min: 1, max: 40 }),
      async (frames, peer, size) => {
        const octets = Buffer.concat(
          frames.map(({ first, payload }) => {
            const whole = writeFrame(peer, first & 0x0f, true, payload);
            whole[0] = first;
            return whole;
          }),
        );
        const theirs = await oracle(peer, octets);
        const ours = read(peer, octets, size);
        // Texts are checked behind the scan here, which is not theirs to know.
        const isText = ({ kind, octets: given }: Message): boolean => {
          const check = new Utf8Check();
          return kind === 'binary' || (check.takes(given) && check.isWhole);
        };
        const bad = ours.messages.findIndex((message) => !isText(message));
        if (bad >= 0) {
          assert.equal(theirs.refused, 1007);
          assert.deepEqual(theirs.messages, ours.messages.slice(0, bad));
        } else assert.deepEqual(ours, theirs);
      },
    ),
    { numRuns: 500 },
  );
});

test('[dispatch.bound] a peer that sends nothing but empty frames is cut off before it holds everybody up', () => {
  const reader = new FrameReader('server', { data: () => undefined, ping: () => undefined, close: () => undefined });
  const empty = Buffer.from('8200'.repeat(2_048), 'hex');
  reader.push(empty);
  reader.push(Buffer.from(empty));
  assert.throws(() => reader.push(Buffer.concat([empty, Buffer.from('8a00', 'hex')])), FrameError);
});
