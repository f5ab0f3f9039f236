/** The comparison of URLs in proofs: RFC 3986's equivalences and nothing a parser merely forgives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesHtu, normalizeHtu } from './htu.ts';

test('query and fragment are ignored on both sides (RFC 9449 §4.3)', () => {
  assert.ok(matchesHtu('https://a.example/mcp?x=1#y', 'https://a.example/mcp'));
  assert.ok(matchesHtu('https://a.example/mcp', 'https://a.example/mcp?x=1'));
});

test('equivalent spellings match (RFC 3986 §6.2.2, §6.2.3)', () => {
  for (const htu of [
    'HTTPS://A.EXAMPLE/mcp/%7euser',
    'https://a.example:443/mcp/~user',
    'https://a.example/mcp/%7Euser',
    'https://a.example/x/../mcp/./~user',
  ]) {
    assert.ok(matchesHtu(htu, 'https://a.example/mcp/~user'), htu);
  }
  assert.ok(matchesHtu('https://a.example', 'https://a.example/'));
  assert.ok(matchesHtu('https://a.example/%c3%a4%2f', 'https://a.example/%C3%A4%2F'));
});

test('different resources do not match', () => {
  for (const htu of [
    'https://a.example/mcp/',
    'https://a.example/MCP',
    'https://a.example//mcp',
    'https://a.example:8443/mcp',
    'http://a.example/mcp',
    'https://a.example./mcp',
    'https://b.example/mcp',
    'https://a.example/mcp%2F',
    'https://a.example%2Fmcp',
    '//a.example/mcp',
    '',
  ]) {
    assert.ok(!matchesHtu(htu, 'https://a.example/mcp'), htu);
  }
});

test('what WHATWG parsers repair or hide is no URL here', () => {
  for (const htu of [
    'https:\\\\a.example\\mcp',
    'https:/a.example/mcp',
    'https:a.example/mcp',
    'https:///a.example/mcp',
    ' https://a.example/mcp',
    'https://a.example/m\tcp',
    'https://a.example/mcp\n',
    'https://user@a.example/mcp',
    'https://@a.example/mcp',
    'https://b.example:pw@a.example/mcp',
    'https://a.example/mc%p',
    'https://a.example/mcp%2',
    'https://ä.example/mcp',
    'ftp://a.example/mcp',
    'javascript:alert(1)',
    `https://a.example/${'a'.repeat(8_192)}`,
  ]) {
    assert.equal(normalizeHtu(htu), undefined, htu);
  }
});

test('two malformed URLs do not match each other', () => {
  assert.ok(!matchesHtu('nonsense', 'https://a.example/mcp'));
  assert.ok(!matchesHtu('nonsense', 'other nonsense'));
});
