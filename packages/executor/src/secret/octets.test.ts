/** What copies and compares secrets in the place of native calls: the same as those, and in a time that says nothing. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { areSame, compareOctets, copyOctets, placeOf } from './memory.ts';

/** Octets, and how often one of them was read. */
function counted(octets: Uint8Array): { readonly octets: Uint8Array; readonly reads: () => number } {
  let reads = 0;
  const proxy = new Proxy(octets, {
    get(target, name) {
      if (typeof name === 'string' && /^\d+$/.test(name)) reads++;
      return Reflect.get(target, name) as unknown;
    },
  });
  return { octets: proxy, reads: () => reads };
}

test('[response.clean] whether two are the same takes as many reads wherever they differ', () => {
  const secret = randomBytes(32);
  const places = [0, 1, 16, 31, null];
  const reads = places.map((place) => {
    const guess = counted(secret.map((octet, at) => (at === place ? octet ^ 1 : octet)));
    assert.equal(areSame(guess.octets, secret), place === null);
    return guess.reads();
  });
  assert.deepEqual(
    reads,
    places.map(() => secret.length),
  );
});

test('copies into views of larger memory are what the native call makes, and touch nothing around them', () => {
  for (const length of [0, 1, 127, 128, 130, 131, 8_191, 8_192, 8_193])
    for (const [start, at, room] of [
      [0, 0, 0],
      [3, 0, 1],
      [5, 7, 8],
    ] as const) {
      const source = randomBytes(length + start).subarray(start);
      const [mine, native] = [Buffer.alloc(length + room + 20, 'x'), Buffer.alloc(length + room + 20, 'x')];
      copyOctets(mine.subarray(start, start + length + room), source, at);
      native.subarray(start, start + length + room).set(source, at);
      assert.ok(mine.equals(native), `${length} octets from ${start} to ${at}`);
    }
});

test('a copy that does not fit is refused as the native call refuses it, and nothing is copied', () => {
  for (const length of [8, 200, 9_000])
    for (const at of [-1, 1, Infinity, NaN]) {
      const target = new Uint8Array(length);
      assert.throws(() => copyOctets(target, new Uint8Array(length).fill(1), at), RangeError);
      assert.ok(target.every((octet) => octet === 0));
    }
});

test('octets are ordered and told apart as Node does it', () => {
  const texts = ['', 'a', 'ab', 'abc', 'abd', 'b', 'aX', '\u00ff'].map((text) => Buffer.from(text, 'latin1'));
  for (const one of texts) {
    for (const other of texts) {
      assert.equal(Math.sign(compareOctets(one, other)), one.compare(other));
      assert.equal(areSame(one, other), one.equals(other));
    }
    for (const octet of [0x61, 0x62, 0x58]) assert.equal(placeOf(one, octet), one.indexOf(octet));
  }
  assert.equal(placeOf(Buffer.from('aba'), 0x61, 1), 2);
});
