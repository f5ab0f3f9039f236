import assert from 'node:assert/strict';
import { test } from 'node:test';
import { URL } from 'node:url';
import fc from 'fast-check';
import { isALabel } from './a-label.ts';
import { DAuthError } from './errors.ts';
import { parseOrigin, parseResource, parseSecureUrl } from './origin.ts';

const refused = (fn: () => unknown, message: RegExp) =>
  assert.throws(
    fn,
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
  );

const takes = (parse: () => unknown): boolean => {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
};

for (const origin of [
  'https://api.github.com',
  'https://api.example:8443',
  'http://localhost:3000',
  'https://xn--bcher-kva.example',
  'https://xn--fiqs8s',
  'https://xn--zckzah.xn--e1afmkfd',
]) {
  test(`the origin ${origin} is taken, and is what the URL standard writes`, () => {
    assert.equal(parseOrigin(origin), new URL(origin).origin);
  });
}

for (const [why, origin] of [
  ['an A-label that decodes to nothing', 'https://xn--a.example'],
  ['an empty A-label', 'https://xn--.example'],
  ['an A-label of ASCII', 'https://xn--abc-.example'],
  ['an A-label of an uppercase letter', 'https://xn--Bcher-kva.example'],
  ['an A-label whose letter has an uppercase form only', 'https://xn--bcher-2pa.example'],
  ['an A-label of another A-label', 'https://xn--xn--bcher-kva-.example'],
  ['an A-label from right to left', 'https://xn--mgbh0fb.example'],
  ['an A-label of a letter that stands for two', 'https://xn--lja.example'],
  ['a Kelvin sign', 'https://xn--kg-hmv.example'],
] as const) {
  test(`[dispatch.bound] an origin with ${why} is refused`, () => refused(() => parseOrigin(origin), /An origin must/));
}

test('[dispatch.bound] whatever origin is taken is one that the URL standard serializes to the same octets', () => {
  const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789-'.split(''));
  const label = fc.string({ unit: letter, minLength: 1, maxLength: 10 });
  const host = fc.array(
    fc.oneof(
      label,
      label.map((text) => `xn--${text}`),
    ),
    { minLength: 1, maxLength: 3 },
  );
  fc.assert(
    fc.property(host, fc.option(fc.integer({ min: 0, max: 70_000 })), (labels, port) => {
      const origin = `https://${labels.join('.')}${port === null ? '' : `:${port}`}`;
      if (takes(() => parseOrigin(origin))) assert.equal(URL.canParse(origin) && new URL(origin).origin, origin);
    }),
    { numRuns: 20_000 },
  );
});

test('an A-label of each letter that is taken is taken by the URL standard too', () => {
  const punycode = (letter: string) => new URL(`https://a${letter}b.example`).hostname.split('.', 1)[0]!;
  let taken = 0;
  for (let code = 0xdf; code < 0x600; code++) {
    const letter = String.fromCodePoint(code);
    const host = URL.canParse(`https://a${letter}b.example`) ? punycode(letter) : '';
    if (!host.startsWith('xn--') || !isALabel(host)) continue;
    taken++;
    assert.equal(new URL(`https://${host}.example`).origin, `https://${host}.example`);
  }
  assert.ok(taken > 400, `${taken} letters`);
});

test('a resource is taken in the one form that the URL standard leaves as it is', () => {
  for (const good of [
    'https://mcp.example/mcp',
    'https://mcp.example/a/b/?x=/y?z=@',
    'http://127.0.0.1:8080/mcp',
    'http://[::1]:8080/mcp',
    'http://localhost:3000/',
  ]) {
    assert.equal(parseResource(good), new URL(good).href);
  }
  for (const bare of ['https://auth.example', 'http://127.0.0.1:8080']) assert.equal(parseResource(bare), bare);
});

for (const [why, resource] of [
  ['an uppercase host', 'https://MCP.example/mcp'],
  ['an uppercase scheme', 'HTTPS://mcp.example/mcp'],
  ['a dot segment', 'https://mcp.example/a/../mcp'],
  ['an encoded dot segment', 'https://mcp.example/a/%2e%2E/mcp'],
  ['an empty segment', 'https://mcp.example//mcp'],
  ['a quote', 'https://mcp.example/"mcp'],
  ['a backslash', 'https://mcp.example\\mcp'],
  ['a backslash in the path', 'https://mcp.example/a\\..\\mcp'],
  ['a default port', 'https://mcp.example:443/mcp'],
  ['the default port of http', 'http://127.0.0.1:80/mcp'],
  ['a port with a leading zero', 'https://mcp.example:0443/mcp'],
  ['a port out of range', 'https://mcp.example:65536/mcp'],
  ['a short IPv4 address', 'http://127.1/mcp'],
  ['an IPv4 octet out of range', 'http://127.0.0.256/mcp'],
  ['a second spelling of an IPv6 address', 'http://[0:0:0:0:0:0:0:1]/mcp'],
  ['a trailing dot', 'https://mcp.example./mcp'],
  ['userinfo', 'https://u@mcp.example/'],
  ['a fragment', 'https://mcp.example/#f'],
  ['a broken escape', 'https://mcp.example/%zz'],
  ['a broken escape in the query', 'https://mcp.example/?%z'],
  ['a space', 'https://mcp example'],
  ['a line break', 'https://mcp.example/\r\n'],
  ['another scheme', 'ftp://mcp.example'],
  ['no host', 'https:///mcp'],
  ['nothing', ''],
  ['a number', 3],
  ['more than 512 characters', `https://mcp.example/${'a'.repeat(500)}`],
] as const) {
  test(`[token.bound] a resource with ${why} is refused`, () =>
    refused(() => parseResource(resource), /^A resource must be an absolute https URI in its plain form/));
}

test('[token.bound] what tokens travel to is https; plain http is for this machine itself', () => {
  for (const good of [
    ...['https://mcp.example/mcp', 'http://localhost:3000/mcp', 'http://localhost', 'http://127.0.0.1:1/mcp'],
    ...['http://127.9.9.9', 'http://[::1]:8080/mcp', 'http://[::1]'],
  ])
    assert.equal(parseSecureUrl(good), good);
  for (const plain of [
    ...['http://mcp.example/mcp', 'http://localhost.evil.example/mcp', 'http://127.0.0.1.evil.example/mcp'],
    ...['http://10.0.0.1/mcp', 'http://evil.example/127.0.0.1', 'http://evil.example/?http://127.0.0.1'],
  ])
    refused(() => parseSecureUrl(plain), /^Plain http is only for a loopback address\.$/);
  refused(
    () => parseSecureUrl('http://127.0.0.1:80/mcp'),
    /^A resource must be an absolute https URI in its plain form/,
  );
});
