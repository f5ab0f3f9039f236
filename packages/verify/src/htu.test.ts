/** The comparison of URLs in proofs: RFC 3986's equivalences and nothing a parser merely forgives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
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

/** URLs of a few parts each, so that two of them are often the same one; escapes in both cases. */
const segment = fc.constantFrom('', 'a', 'B', '~', '%7e', '%7E', '%41', '%2f', '%2F', '%c3%a4', '.', '..', '%2e');
const address = fc
  .record({
    scheme: fc.constantFrom('http', 'https', 'HTTPS'),
    host: fc.constantFrom('a.example', 'A.Example', 'b.example'),
    port: fc.constantFrom('', ':443', ':80', ':8443'),
    path: fc.array(segment, { maxLength: 4 }),
    rest: fc.constantFrom('', '?', '?x=1', '#y', '?x#y', '?x=%2'),
  })
  .map(({ scheme, host, port, path, rest }) => `${scheme}://${host}${port}/${path.join('/')}${rest}`);

test('a normal form is its own normal form, and has neither query nor fragment', () => {
  fc.assert(
    fc.property(address, (text) => {
      const normal = normalizeHtu(text);
      if (normal === undefined) return;
      assert.equal(normalizeHtu(normal), normal);
      assert.doesNotMatch(normal, /[?#]/);
    }),
    { numRuns: 5_000 },
  );
});

test('what matches is one resource to the platform as well, and matching goes both ways', () => {
  const platform = (text: string) => {
    const { origin, pathname } = new URL(text);
    return `${origin}${pathname.replaceAll(/%(?:7e|41)/gi, (escape) => decodeURIComponent(escape))}`.replaceAll(
      /%../g,
      (escape) => escape.toUpperCase(),
    );
  };
  fc.assert(
    fc.property(address, address, (one, other) => {
      assert.equal(matchesHtu(one, other), matchesHtu(other, one));
      if (one !== other && matchesHtu(one, other)) assert.equal(platform(one), platform(other));
    }),
    { numRuns: 5_000 },
  );
});

test('no text makes the comparison throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl({ withFragments: true, withQueryParameters: true })),
      (text) => {
        matchesHtu(text, 'https://a.example/mcp');
      },
    ),
    { numRuns: 2_000 },
  );
});
