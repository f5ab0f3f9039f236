/** Signed pieces against what AWS published, and against whoever would change one; what reaches an upstream is in wire/chunks. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { parseInjections } from '@dauth/protocol';
import fc from 'fast-check';
import { fillable, plaintextOf } from '../support/calls.test-support.ts';
import { AwsChunks, ChunkKey } from './aws-chunks.ts';
import { inject } from './inject.ts';

/** The pieces of a body that comes in these parts. */
async function cut(parts: readonly Buffer[], length: number): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  const chunks = new AwsChunks(length);
  await pipeline(Readable.from(parts), chunks, async (cutOff: AsyncIterable<Buffer>) => {
    for await (const frame of cutOff) frames.push(frame);
  });
  assert.equal(Buffer.concat(frames).length, chunks.encodedLength);
  return frames;
}

// Amazon S3, "Signature calculations for the Authorization header: transferring payload in multiple chunks", the example
test('the example of AWS is signed as published: the request, and each piece', async () => {
  const names = { scheme: 'aws_sigv4', access_key: '{id}', secret_key: '{secret}', region: 'us-east-1', service: 's3' };
  using plaintext = plaintextOf({ id: 'AKIAIOSFODNN7EXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' });
  const filled = inject(
    plaintext,
    parseInjections([{ ...names, payload: 'chunks' }]),
    fillable('/examplebucket/chunkObject.txt', {
      ...{ method: 'PUT', host: 's3.amazonaws.com', body: null, piecesOf: 66_560 },
      atMs: Date.parse('2013-05-24T00:00:00Z'),
      headers: [
        ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
        ['content-length', '66824'],
      ],
    }),
  );
  assert.match(
    filled.lines.toString('latin1'),
    /Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9\r\n$/,
  );
  const body = Buffer.alloc(66_560, 'a');
  const frames = await cut([body.subarray(0, 10_000), body.subarray(10_000)], body.length);
  for (const frame of frames) filled.chunkKey!.sign(frame);
  assert.deepEqual(
    frames.map((frame) => frame.toString('latin1').split('\r\n', 1)[0]),
    [
      '10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      '0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ],
  );
  assert.equal(Buffer.concat(frames).length, 66_824);
});

test('however a body comes, its pieces hold it as it is', async () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 90_000 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(lengths, async (sizes) => {
      const parts = sizes.map((size, index) => Buffer.alloc(size, `${index};chunk-signature=\r\n`));
      const whole = Buffer.concat(parts);
      const frames = await cut(parts, whole.length);
      const held = frames.map((frame) => {
        const start = frame.indexOf('\r\n') + 2;
        const size = Number.parseInt(frame.toString('latin1'), 16);
        assert.equal(frame.toString('latin1', start + size), '\r\n');
        return frame.subarray(start, start + size);
      });
      assert.equal(Buffer.concat(held).equals(whole), true);
      assert.equal(held.at(-1)!.length, 0);
      assert.ok(held.slice(0, -2).every(({ length }) => length === 65_536));
    }),
    { numRuns: 60 },
  );
});

test('[dispatch.bound] a body that is not as long as was said has no last piece', async () => {
  await assert.rejects(cut([Buffer.from('four')], 5), { message: 'A body is shorter than was said.' });
  await assert.rejects(cut([Buffer.from('four')], 3), { message: 'A body is longer than was said.' });
});

test('[dispatch.bound] nothing but an unsigned piece is signed', async () => {
  const [frame] = await cut([Buffer.from('data')], 4);
  const others = [
    Buffer.alloc(0),
    Buffer.from('data'),
    Buffer.concat([frame!, frame!]),
    frame!.subarray(1),
    frame!.subarray(0, -1),
    Buffer.from(frame!.toString('latin1').replace('0000', '0001'), 'latin1'),
  ];
  for (const octets of others) {
    using key = new ChunkKey(Buffer.alloc(32, 1), 'at\nscope\n', Buffer.alloc(64, '1'));
    assert.throws(() => key.sign(octets), { message: 'A piece of a body was expected.' });
  }
});
