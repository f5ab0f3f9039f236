import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKeyText } from './client-key.ts';
import { LIMITS } from './limits.ts';
import { encodeUtf8 } from './utf8.ts';

const pem = (lines: readonly string[], end = '\n'): Uint8Array =>
  encodeUtf8(['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join(end));
const most = (octets: number): string[] => Array.from({ length: LIMITS.clientKeyLines - 2 }, () => 'A'.repeat(octets));

test('a key is base64 in lines, whichever way they end, or no PEM at all', () => {
  for (const end of ['\n', '\r\n', '\r']) assert.equal(isKeyText(pem([...most(48), 'az09+/AZ=='].slice(1), end)), true);
  assert.equal(isKeyText(Uint8Array.of(0x30, 0x20, 0x09)), true);
  assert.equal(isKeyText(pem(['A'.repeat(LIMITS.clientKey - 55)])), true);
});

test('[response.clean] a key that is longer, of more lines, or spaced out is none', () => {
  assert.equal(isKeyText(pem(['A'.repeat(LIMITS.clientKey - 54)])), false);
  assert.equal(isKeyText(new Uint8Array(LIMITS.clientKey + 1)), false);
  for (const end of ['\n', '\r\n', '\r']) assert.equal(isKeyText(pem([...most(16), ''], end)), false, end);
  for (const line of [' '.repeat(16), '\t', 'AA AA', '\v', '\f', 'AA-', 'AA_', '\0', 'Proc-Type: 4,ENCRYPTED', 'ä'])
    assert.equal(isKeyText(pem(['A'.repeat(16), line])), false, line);
});

test('[response.clean] a key whose lines are too short to be searched for, or stand with its labels, is none', () => {
  assert.equal(isKeyText(pem(['A'.repeat(16), 'A'.repeat(15)])), true, 'control: the last one may be short');
  for (const lines of [['A'.repeat(15), 'A'.repeat(16)], ['A'.repeat(15), 'A'.repeat(15)], []])
    assert.equal(isKeyText(pem(lines)), false, lines.join());
  const [begin, end] = ['-----BEGIN PRIVATE KEY-----', '-----END PRIVATE KEY-----\n'];
  const body = 'A'.repeat(64);
  for (const text of [begin + body + end, `${begin}${body}\n${body}\n${end}`, `${begin}\n${body}\n${body}${end}`])
    assert.equal(isKeyText(encodeUtf8(text)), false, text);
});
