/** Authorization and DPoP headers: one of each, from `node:http` and from Web `Headers`. */
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { readAuthorization, readProof, type RequestHeaders } from './authorization.ts';
import { assertRefused } from './signer.test-support.ts';

const PROOF = 'aa.bb.cc';

test('[token.bound] a DPoP request gives token and proof, whatever the case of names and scheme', () => {
  const raw = ['Host', 'a.example', 'AUTHORIZATION', 'dpop tok.en', 'dpop', PROOF];
  assert.deepEqual(readAuthorization(raw), { scheme: 'DPoP', token: 'tok.en', proof: PROOF });
  const web = new Headers({ authorization: 'DPoP tok.en', dpop: PROOF });
  assert.deepEqual(readAuthorization(web), { scheme: 'DPoP', token: 'tok.en', proof: PROOF });
});

test('[token.bound] a Bearer request gives the token and says Bearer', () => {
  assert.deepEqual(readAuthorization(['authorization', 'Bearer tok']), { scheme: 'Bearer', token: 'tok' });
});

test('[token.bound] a header value that looks like a name is not taken for one', () => {
  const raw = ['x-note', 'authorization', 'authorization', 'DPoP tok', 'dpop', PROOF];
  assert.equal(readAuthorization(raw).token, 'tok');
});

test('[token.bound] a proof alone is read for token requests, and its absence is no error', () => {
  assert.equal(readProof(['DPoP', PROOF]), PROOF);
  assert.equal(readProof(new Headers()), undefined);
});

const REFUSALS: readonly [string, RequestHeaders, RegExp][] = [
  ['no Authorization', ['dpop', PROOF], /no Authorization header/],
  [
    'two Authorization headers',
    ['authorization', 'DPoP a', 'Authorization', 'DPoP a', 'dpop', PROOF],
    /more than one Authorization/,
  ],
  [
    'two joined Authorization headers',
    new Headers([
      ['authorization', 'DPoP a'],
      ['authorization', 'DPoP a'],
    ]),
    /more than one Authorization/,
  ],
  [
    'Bearer and DPoP joined',
    new Headers([
      ['authorization', 'Bearer a'],
      ['authorization', 'DPoP a'],
    ]),
    /more than one Authorization/,
  ],
  ['two DPoP headers', ['authorization', 'DPoP a', 'dpop', PROOF, 'DPoP', PROOF], /more than one DPoP header/],
  [
    'two joined DPoP headers',
    new Headers([
      ['authorization', 'DPoP a'],
      ['dpop', PROOF],
      ['dpop', PROOF],
    ]),
    /more than one DPoP header/,
  ],
  [
    'two DPoP headers beside Bearer',
    ['authorization', 'Bearer a', 'dpop', PROOF, 'DPoP', PROOF],
    /more than one DPoP header/,
  ],
  ['no DPoP header', ['authorization', 'DPoP a'], /no DPoP header/],
  ['an empty DPoP header', ['authorization', 'DPoP a', 'dpop', ''], /exactly one compact JWS/],
  ['a DPoP header that is no JWS', ['authorization', 'DPoP a', 'dpop', 'a.b'], /exactly one compact JWS/],
  ['another scheme', ['authorization', 'Basic YTpi', 'dpop', PROOF], /scheme that is not taken here/],
  ['no token', ['authorization', 'DPoP', 'dpop', PROOF], /one space and one token/],
  ['two spaces', ['authorization', 'DPoP  a', 'dpop', PROOF], /one space and one token/],
  ['a tab', ['authorization', 'DPoP\ta', 'dpop', PROOF], /one space and one token/],
  ['parameters', ['authorization', 'DPoP a b', 'dpop', PROOF], /one space and one token/],
  ['a comma in a raw value', ['authorization', 'DPoP a,b', 'dpop', PROOF], /one space and one token/],
  [
    'a token larger than allowed',
    ['authorization', `DPoP ${'a'.repeat(32_769)}`, 'dpop', PROOF],
    /Authorization header is larger/,
  ],
  ['a proof larger than allowed', ['authorization', 'DPoP a', 'dpop', 'a'.repeat(8_193)], /DPoP header is larger/],
];
for (const [what, headers, sentence] of REFUSALS) {
  test(`[token.bound] a request is refused: ${what}`, () => {
    assertRefused(() => readAuthorization(headers), 'UNAUTHENTICATED', sentence);
  });
}

test('[token.bound] node:http hides a second Authorization header from `headers`; `rawHeaders` shows it', async () => {
  const seen = await new Promise<{ headers: unknown; raw: string[] }>((resolve, reject) => {
    const server = createServer((incoming, outgoing) => {
      resolve({ headers: incoming.headers.authorization, raw: incoming.rawHeaders });
      outgoing.end();
      server.close();
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      const headers = [
        'Host',
        'localhost',
        'Authorization',
        'DPoP first',
        'Authorization',
        'DPoP second',
        'DPoP',
        PROOF,
      ];
      request({ port, host: '127.0.0.1', headers, agent: false }).on('error', reject).end();
    });
  });
  assert.equal(seen.headers, 'DPoP first');
  assertRefused(() => readAuthorization(seen.raw), 'UNAUTHENTICATED', /more than one Authorization/);
});
