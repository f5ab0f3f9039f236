/** DPoP proofs: RFC 9449's own examples, every step of §4.3 refused by name, and two independent signers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair as generateDpopKeyPair, DPoP, customFetch, protectedResourceRequest } from 'oauth4webapi';
import { verifyDpopProof, verifyExecutorProof, type DpopOptions } from './dpop.ts';
import { sha256Base64url } from './digest.ts';
import { assertRefused, makeSigner } from './signer.test-support.ts';

const NOW = 1_795_000_000;
const TOKEN = 'a-token';
const OPTIONS: DpopOptions = {
  htm: 'POST',
  htu: 'https://mcp.example/mcp',
  accessToken: TOKEN,
  now: NOW,
  windowSeconds: 60,
};
const signer = makeSigner();
const CLAIMS = { htm: 'POST', htu: 'https://mcp.example/mcp', iat: NOW, jti: 'one', ath: sha256Base64url(TOKEN) };

function proof(changes: object = {}, header: object = {}): string {
  return signer.proof('dpop+jwt', { ...CLAIMS, ...changes }, header);
}

const RFC_HEADER =
  'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR' +
  'nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19';

test('[token.bound] the token request proof of RFC 9449 §5 verifies and has the thumbprint of §6.1', () => {
  const jws =
    `${RFC_HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwia` +
    'WF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg';
  const verified = verifyDpopProof(jws, {
    htm: 'POST',
    htu: 'https://server.example.com/token',
    now: 1_562_262_616,
    windowSeconds: 60,
  });
  assert.equal(verified.jkt, '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I');
  assert.equal(verified.jti, '-BwC3ESc6acc2lTc');
});

test('[token.bound] the resource request proof of RFC 9449 §7.1 verifies with its access token and not with another', () => {
  const jws =
    `${RFC_HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z` +
    'WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9' +
    '.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA';
  const options = {
    htm: 'GET',
    htu: 'https://resource.example.org/protectedresource',
    now: 1_562_262_618,
    windowSeconds: 60,
    requireJkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
  };
  const accessToken = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU';
  assert.equal(verifyDpopProof(jws, { ...options, accessToken }).iat, 1_562_262_618);
  assertRefused(
    () => verifyDpopProof(jws, { ...options, accessToken: `${accessToken}x` }),
    'UNAUTHENTICATED',
    /another access token \(ath\)/,
  );
});

test('[token.bound] a good proof gives key, id, time and claims', () => {
  const verified = verifyDpopProof(proof({ nonce: 'n' }), { ...OPTIONS, requireJkt: signer.jkt });
  assert.deepEqual([verified.jkt, verified.jti, verified.iat, verified.claims.nonce], [signer.jkt, 'one', NOW, 'n']);
  assert.deepEqual({ ...verified.jwk }, { ...signer.jwk });
});

test('[token.bound] an Ed25519 proof verifies too', () => {
  const other = makeSigner('Ed25519');
  assert.equal(verifyDpopProof(other.proof('dpop+jwt', CLAIMS), OPTIONS).jkt, other.jkt);
});

const REFUSALS: readonly [string, () => string, RegExp][] = [
  ['another typ', () => signer.proof('jwt', CLAIMS), /another type \(typ\)/],
  ['another method', () => proof({ htm: 'GET' }), /another method \(htm\)/],
  ['the method in another case', () => proof({ htm: 'post' }), /another method \(htm\)/],
  ['no method', () => proof({ htm: undefined }), /needs a usable "htm" claim/],
  ['another URL', () => proof({ htu: 'https://mcp.example/other' }), /another URL \(htu\)/],
  ['another host', () => proof({ htu: 'https://evil.example/mcp' }), /another URL \(htu\)/],
  ['another scheme', () => proof({ htu: 'http://mcp.example/mcp' }), /another URL \(htu\)/],
  ['a relative URL', () => proof({ htu: '/mcp' }), /another URL \(htu\)/],
  ['a URL with userinfo', () => proof({ htu: 'https://mcp.example@evil.example/mcp' }), /another URL \(htu\)/],
  ['no URL', () => proof({ htu: undefined }), /needs a usable "htu" claim/],
  ['a URL list', () => proof({ htu: ['https://mcp.example/mcp'] }), /needs a usable "htu" claim/],
  ['no id', () => proof({ jti: undefined }), /needs a usable "jti" claim/],
  ['an empty id', () => proof({ jti: '' }), /needs a usable "jti" claim/],
  ['an id that would fill the store', () => proof({ jti: 'x'.repeat(129) }), /needs a usable "jti" claim/],
  ['an id with a space', () => proof({ jti: 'a b' }), /needs a usable "jti" claim/],
  ['no time', () => proof({ iat: undefined }), /needs "iat" in whole seconds/],
  ['a time in text', () => proof({ iat: String(NOW) }), /needs "iat" in whole seconds/],
  ['a fractional time', () => proof({ iat: NOW + 0.5 }), /needs "iat" in whole seconds/],
  ['an old proof', () => proof({ iat: NOW - 61 }), /too old \(iat\)/],
  ['a proof from the future', () => proof({ iat: NOW + 6 }), /signed in the future \(iat\)/],
  ['an expired proof', () => proof({ exp: NOW - 5 }), /has expired/],
  ['a proof not valid yet', () => proof({ nbf: NOW + 6 }), /not valid yet/],
  ['no token hash', () => proof({ ath: undefined }), /needs a usable "ath" claim/],
  ['another token’s hash', () => proof({ ath: sha256Base64url('other') }), /another access token \(ath\)/],
  ['the token itself as hash', () => proof({ ath: TOKEN }), /another access token \(ath\)/],
  ['no key', () => proof({}, { jwk: undefined }), /A key must be a JWK object/],
  ['crit', () => proof({}, { crit: ['jti'] }), /critical header members/],
];
for (const [what, make, sentence] of REFUSALS) {
  test(`[token.bound] a proof is refused: ${what}`, () => {
    assertRefused(() => verifyDpopProof(make(), OPTIONS), 'UNAUTHENTICATED', sentence);
  });
}

test('[token.bound] the window’s ends are inside it, and both are the caller’s to set', () => {
  for (const iat of [NOW - 60, NOW + 5]) assert.equal(verifyDpopProof(proof({ iat }), OPTIONS).iat, iat);
  const wide = { ...OPTIONS, windowSeconds: 300, leewaySeconds: 300 };
  for (const iat of [NOW - 300, NOW + 300]) assert.equal(verifyDpopProof(proof({ iat }), wide).iat, iat);
  for (const iat of [NOW - 301, NOW + 301]) {
    assertRefused(() => verifyDpopProof(proof({ iat }), wide), 'UNAUTHENTICATED', /\(iat\)/);
  }
});

test('[token.bound] a proof by another key than the token’s is refused', () => {
  assertRefused(
    () => verifyDpopProof(proof(), { ...OPTIONS, requireJkt: makeSigner().jkt }),
    'UNAUTHENTICATED',
    /another key than the token is bound to/,
  );
});

test('[token.bound] one of several URLs of a node is enough, and none is not', () => {
  const htu = ['https://a.example/mcp', 'https://mcp.example/mcp'];
  assert.equal(verifyDpopProof(proof(), { ...OPTIONS, htu }).jti, 'one');
  assertRefused(() => verifyDpopProof(proof(), { ...OPTIONS, htu: [] }), 'UNAUTHENTICATED', /another URL/);
});

test('[token.bound] a proof larger than 8 KiB is refused before it is parsed', () => {
  assertRefused(
    () => verifyDpopProof(proof({ pad: 'x'.repeat(8_192) }), OPTIONS),
    'UNAUTHENTICATED',
    /larger than allowed/,
  );
  assertRefused(() => verifyDpopProof('.'.repeat(8_193), OPTIONS), 'UNAUTHENTICATED', /larger than allowed/);
});

test('[token.bound] no sentence of a refusal repeats what was sent', () => {
  const marker = 'marker-that-was-sent';
  for (const changes of [
    { htm: marker },
    { htu: `https://${marker}.example/` },
    { ath: marker },
    { jti: `${marker} ` },
  ]) {
    assertRefused(() => verifyDpopProof(proof(changes), OPTIONS), 'UNAUTHENTICATED', /^(?!.*marker)/);
  }
});

test('[token.bound] proofs made by oauth4webapi verify', async () => {
  for (const alg of ['ES256', 'Ed25519'] as const) {
    const handle = DPoP({}, await generateDpopKeyPair(alg));
    let sent: string | null = null;
    await protectedResourceRequest(TOKEN, 'POST', new URL('https://mcp.example/mcp?page=2'), new Headers(), 'x', {
      DPoP: handle,
      [customFetch]: async (_url, init) => {
        sent = new Headers(init.headers as Record<string, string>).get('dpop');
        return Promise.resolve(new Response('ok'));
      },
    });
    assert.ok(sent);
    const verified = verifyDpopProof(sent, { ...OPTIONS, now: Math.floor(Date.now() / 1_000) });
    assert.equal(verified.jkt, await handle.calculateThumbprint());
  }
});

test('[token.bound] an executor proof names its body, and only then', () => {
  const target = { htm: 'POST', htu: 'https://auth.example/executor/records', now: NOW, windowSeconds: 60 };
  const claims = { htm: 'POST', htu: target.htu, iat: NOW, jti: 'one' };
  const bodySha256 = sha256Base64url('body');
  const withBody = signer.proof('dauth-executor-proof+jwt', { ...claims, body_sha256: bodySha256 });
  assert.equal(verifyExecutorProof(withBody, { ...target, bodySha256 }).jkt, signer.jkt);
  const without = signer.proof('dauth-executor-proof+jwt', claims);
  assert.equal(verifyExecutorProof(without, target).jkt, signer.jkt);
  for (const [jws, options] of [
    [withBody, target],
    [withBody, { ...target, bodySha256: sha256Base64url('other') }],
    [without, { ...target, bodySha256 }],
  ] as const) {
    assertRefused(() => verifyExecutorProof(jws, options), 'UNAUTHENTICATED', /another body/);
  }
});

test('[token.bound] a DPoP proof is no executor proof, nor the other way round', () => {
  const target = { htm: 'POST', htu: 'https://mcp.example/mcp', now: NOW, windowSeconds: 60 };
  assertRefused(
    () => verifyExecutorProof(proof(), target),
    'UNAUTHENTICATED',
    /^The executor proof is of another type/,
  );
  assertRefused(
    () => verifyDpopProof(signer.proof('dauth-executor-proof+jwt', CLAIMS), OPTIONS),
    'UNAUTHENTICATED',
    /^The DPoP proof is of another type/,
  );
});
