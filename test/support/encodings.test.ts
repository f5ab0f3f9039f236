/** The spellings of a secret: each is found where a real encoder put it, at every alignment. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { countIn, findSecret, needlesOf, piecesOf } from './encodings.ts';

const SECRET = Buffer.from('ghp_Xy7+/pq"r\\ä~z9Q0', 'latin1');

test('each spelling of a text secret is found in what the platform’s own encoders made of it', () => {
  const text = SECRET.toString('latin1');
  const made: Record<string, Buffer | string> = {
    'utf-8': Buffer.concat([Buffer.from('Bearer '), SECRET, Buffer.from(' end')]),
    'utf-16le': Buffer.from(`x${text}y`, 'utf16le'),
    'utf-16be': Buffer.from(`x${text}y`, 'utf16le').swap16(),
    hex: `00${SECRET.toString('hex')}00`,
    HEX: SECRET.toString('hex').toUpperCase(),
    json: Buffer.from(JSON.stringify({ token: text }), 'latin1'),
    percent: `q=ghp_Xy7%2B%2Fpq%22r%5C%E4~z9Q0&`,
    reversed: Buffer.from(Array.from(`x${text}y`, (one) => one.charCodeAt(0)).toReversed()),
  };
  for (const [encoding, bytes] of Object.entries(made))
    assert.ok(findSecret(bytes, SECRET).includes(encoding), encoding);
});

test('base64 of a longer text is recognised wherever the secret begins in it', () => {
  for (const kind of ['base64', 'base64url'] as const) {
    for (let before = 0; before < 6; before++) {
      for (let after = 0; after < 4; after++) {
        const secret = randomBytes(24);
        const text = Buffer.concat([randomBytes(before), secret, randomBytes(after)]).toString(kind);
        assert.notEqual(findSecret(text, secret).length, 0, `${kind}, ${before} before, ${after} after`);
      }
    }
  }
});

test('another secret is not found', () => {
  const text = Buffer.concat([Buffer.from(SECRET.toString('base64')), SECRET, Buffer.from(SECRET.toString('hex'))]);
  assert.deepEqual(findSecret(text, randomBytes(20)), []);
});

test('spellings that coincide are listed once', () => {
  const names = needlesOf(Buffer.from('abcdefghijkl')).map((needle) => needle.encoding);
  assert.equal(new Set(names).size, names.length);
  assert.ok(!names.includes('percent') && !names.includes('json') && !names.includes('base64url+0'));
  assert.ok(names.includes('hex') && names.includes('base64+2') && names.includes('percent-all'));
});

test('pieces are all windows, and occurrences are counted', () => {
  assert.equal(piecesOf(Buffer.from('0123456789')).length, 3);
  assert.deepEqual(piecesOf(Buffer.from('0123456')), []);
  assert.equal(countIn(Buffer.from('aaaa'), Buffer.from('aa')), 3);
});
