import assert from 'node:assert/strict';
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { digestOf, mac, secretDigest } from './mac.ts';

test('[memory.clean] the registers are overwritten behind every HMAC and hash', (t) => {
  const cipher: object = Object.getPrototypeOf(createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)));
  const { mock } = t.mock.method(cipher as { update(): void }, 'update');
  mac('sha256', Buffer.from('key'), Buffer.from('data'));
  assert.equal(mock.callCount(), 1, 'behind an HMAC');
  digestOf('sha512', Buffer.from('data'));
  assert.equal(mock.callCount(), 2, 'behind a hash');
  secretDigest('sha512', Buffer.from('secret'));
  assert.equal(mock.callCount(), 6, 'behind the copy of a secret, its hash, the copy of that, and the zeroing of both');
});

test('parts are as good as one', () => {
  const parts = ['a', '', 'bc'].map((part) => Buffer.from(part));
  for (const hash of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
    assert.deepEqual(mac(hash, Buffer.from('key'), ...parts), createHmac(hash, 'key').update('abc').digest());
    assert.deepEqual(digestOf(hash, ...parts), createHash(hash).update('abc').digest());
  }
});
