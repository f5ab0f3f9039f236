/** What a native call gives is moved at once, whichever call it is; and what comes out is what the standards say. */
import assert from 'node:assert/strict';
import crypto, { createCipheriv, createHash, createHmac, diffieHellman, pbkdf2Sync } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { test, type TestContext } from 'node:test';
import { watchOwned } from '../support/memory-held.test-support.ts';
import { makePair } from '../support/signer.test-support.ts';
import { agree, digestOf, mac, secretDigest, stretch } from './native.ts';

const [ours, theirs] = [makePair('X25519'), makePair('X25519')];
const KEY = Buffer.from('a key');
const SALT = Buffer.from('salt');

interface Call {
  readonly native: 'digest' | 'hash' | 'diffieHellman' | 'pbkdf2Sync';
  readonly make: () => Buffer;
  readonly right: Buffer;
}

const CALLS: Readonly<Record<string, Call>> = {
  'an HMAC': {
    native: 'digest',
    make: () => mac('sha256', KEY, Buffer.from('data')),
    right: createHmac('sha256', KEY).update('data').digest(),
  },
  'the hash of a secret': {
    native: 'hash',
    make: () => secretDigest('sha512', KEY, SALT),
    right: createHash('sha512').update(KEY).update(SALT).digest(),
  },
  'a Diffie-Hellman': {
    native: 'diffieHellman',
    make: () => agree(ours.privateKey, theirs.publicKey),
    right: diffieHellman({ privateKey: theirs.privateKey, publicKey: ours.publicKey }),
  },
  'a PBKDF2': {
    native: 'pbkdf2Sync',
    make: () => stretch('sha256', KEY, SALT, 10, 32),
    right: pbkdf2Sync(KEY, SALT, 10, 32, 'sha256'),
  },
};

for (const [what, { native, make, right }] of Object.entries(CALLS))
  test(`[memory.clean] what ${what} gives is moved into memory of our own at once, and zeroed where it was`, (t) => {
    const given: Buffer[] = [];
    const steps: string[] = [];
    onNative(t, native, (result) => {
      given.push(result);
      steps.length = 0;
    });
    onOverwriting(t, () => steps.push('overwritten'));
    const stop = watchOwned(() => steps.push('owned'));
    const result = make();
    stop();
    assert.deepEqual(result, right);
    assert.equal(result.buffer.byteLength, result.length, 'it has its whole memory');
    assert.equal(given.length, 1);
    assert.deepEqual(given[0], Buffer.alloc(right.length), 'the engine keeps nothing');
    assert.deepEqual(steps.slice(0, 2), ['overwritten', 'owned'], 'registers first');
    assert.equal(steps.at(-1), 'overwritten');
  });

test('[memory.clean] the registers are overwritten behind every hash of what may hold secrets', (t) => {
  let overwritten = 0;
  onOverwriting(t, () => overwritten++);
  digestOf('sha512', Buffer.from('data'));
  assert.equal(overwritten, 1);
});

test('parts are as good as one', () => {
  const parts = ['a', '', 'bc'].map((part) => Buffer.from(part));
  for (const hash of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
    const right = createHash(hash).update('abc').digest();
    assert.deepEqual(mac(hash, KEY, ...parts), createHmac(hash, KEY).update('abc').digest());
    assert.deepEqual(digestOf(hash, ...parts), right);
    assert.deepEqual(secretDigest(hash, ...parts), right);
  }
});

/** Sees what a native call gives, before anybody else does. */
function onNative(t: TestContext, name: Call['native'], see: (result: Buffer) => void): void {
  const holder = (name === 'digest' ? Object.getPrototypeOf(createHmac('sha256', KEY)) : crypto) as Record<
    string,
    (...args: unknown[]) => Buffer
  >;
  const native = holder[name]!;
  t.mock.method(holder, name, function (this: unknown, ...args: unknown[]) {
    const result = native.apply(this, args);
    see(result);
    return result;
  });
  // The names that modules import stand for what they were when this was called last.
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

function onOverwriting(t: TestContext, said: () => unknown): void {
  const cipher: object = Object.getPrototypeOf(createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)));
  t.mock.method(cipher as { update(): void }, 'update', () => void said());
}
