/** Bits of what came in pieces, and that nothing of a piece is left once the next one is there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitReader } from './bits.ts';

test('bits are read lowest first, across pieces, and past the end there are zeros', () => {
  using reader = new BitReader();
  reader.feed(Buffer.of(0b1010_0110));
  assert.deepEqual([reader.take(3), reader.take(5), reader.isShort], [0b110, 0b10100, false]);
  reader.at = 4;
  reader.feed(Buffer.of(0xff));
  assert.deepEqual([reader.take(12), reader.isShort], [0b1111_1111_1010, false]);
  assert.deepEqual([reader.take(8), reader.isShort], [0, true]);
});

test('[memory.clean] what came before is zeroed when more comes, and at the end', () => {
  const reader = new BitReader();
  const kept = [Buffer.from('secret of the first piece'), Buffer.from('and of the second')].map((piece) => {
    reader.feed(piece);
    assert.ok(reader.octets.some((octet) => octet !== 0));
    return reader.octets;
  });
  assert.ok(kept[0]!.every((octet) => octet === 0));
  reader[Symbol.dispose]();
  assert.ok(kept[1]!.every((octet) => octet === 0));
});
