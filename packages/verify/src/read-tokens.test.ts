/** Tokens that come with every call: taken apart once, compared each time, and changed by nobody. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyCallerToken, type CallerTokenOptions } from './caller-token.ts';
import { sha256Base64url } from './digest.ts';
import { JwksCache } from './jwks.ts';
import { readPublished, ReadTokens } from './read-tokens.ts';
import { assertRefusedAsync, makeSigner } from './signer.test-support.ts';

const NOW = 1_795_000_000;
const [signer, other] = [makeSigner(), makeSigner()];
const CLAIMS = {
  ...{ iss: 'https://auth.example', sub: 'ada', aud: 'https://mcp.example/mcp', client_id: 'laptop' },
  ...{ exp: NOW + 300, iat: NOW, jti: 'token-1', cnf: { jkt: other.jkt }, roles: [{ name: 'reader' }] },
};
const HEADER = { typ: 'at+jwt', kid: 'k' };
const SUBJECT = { what: 'The token', refusal: 'UNAUTHENTICATED' } as const;
const token = signer.jws(HEADER, CLAIMS);

const at = (now: number): CallerTokenOptions => ({
  ...{ issuer: CLAIMS.iss, audience: CLAIMS.aud, now, isDauth: false, requiredClaims: [], allowUnbound: false },
});

/** An issuer whose key, and our clock in milliseconds, can be set. */
function issuer() {
  const world = { published: signer.publicJwk, clock: 0 };
  const fetch = async (): Promise<Response> => Response.json({ keys: [{ ...world.published, kid: 'k' }] });
  const jwks = new JwksCache({ url: 'https://auth.example/keys', fetch, now: () => world.clock });
  return { world, jwks };
}

test('[token.bound] a token that was taken once is refused when it ended, and when its key is published no more', async () => {
  const { world, jwks } = issuer();
  for (let i = 0; i < 2; i++) assert.equal((await verifyCallerToken(jwks, token, at(NOW))).sub, 'ada');
  assert.equal(jwks.read.size, 1);
  await assertRefusedAsync(() => verifyCallerToken(jwks, token, at(NOW + 600)), 'UNAUTHENTICATED', /has expired/);
  const elsewhere = { ...at(NOW), audience: 'https://other.example/mcp' };
  await assertRefusedAsync(() => verifyCallerToken(jwks, token, elsewhere), 'UNAUTHENTICATED', /another audience/);
  world.published = other.publicJwk;
  world.clock = 600_000;
  await assertRefusedAsync(() => verifyCallerToken(jwks, token, at(NOW)), 'UNAUTHENTICATED', /does not verify/);
});

test('[token.bound] a token with another signature than one that was taken is verified, and refused', async () => {
  const { jwks } = issuer();
  await verifyCallerToken(jwks, token, at(NOW));
  const forged = token.slice(0, token.lastIndexOf('.') + 1) + signer.jws(HEADER, { sub: 'eve' }).split('.')[2]!;
  for (let i = 0; i < 2; i++)
    await assertRefusedAsync(() => verifyCallerToken(jwks, forged, at(NOW)), 'UNAUTHENTICATED', /does not verify/);
  assert.equal(jwks.read.size, 1);
});

test('[token.bound] what a token says that is shown again can be changed by nobody, at any depth', async () => {
  const { jwks } = issuer();
  for (let i = 0; i < 2; i++) {
    const { raw } = await verifyCallerToken(jwks, token, at(NOW));
    const { cnf, roles } = raw as { cnf: { jkt: string }; roles: { name: string }[] };
    assert.throws(() => Object.assign(raw, { sub: 'eve' }), TypeError);
    assert.throws(() => (cnf.jkt = signer.jkt), TypeError);
    assert.throws(() => roles.push({ name: 'owner' }), TypeError);
    assert.throws(() => (roles[0]!.name = 'owner'), TypeError);
    assert.deepEqual([raw.sub, cnf.jkt, roles.length, roles[0]!.name], ['ada', other.jkt, 1, 'reader']);
  }
});

test('[token.bound] a token that was taken once is no token of another type', async () => {
  const { jwks } = issuer();
  const read = (typ: string) =>
    readPublished(jwks, { token, ath: sha256Base64url(token) }, { typ, algs: ['ES256'] }, SUBJECT);
  assert.equal((await read('at+jwt')).sub, 'ada');
  await assertRefusedAsync(() => read('logout+jwt'), 'UNAUTHENTICATED', /another type/);
});

test('a large token is read each time', async () => {
  const { jwks } = issuer();
  const large = signer.jws(HEADER, { ...CLAIMS, groups: 'x'.repeat(4_096) });
  for (let i = 0; i < 2; i++) assert.equal((await verifyCallerToken(jwks, large, at(NOW))).sub, 'ada');
  assert.deepEqual([jwks.read.size, jwks.verified.size], [0, 1]);
});

test('the oldest makes room', () => {
  const tokens = new ReadTokens(2);
  const read = { header: {}, claims: {}, key: { ...signer.publicJwk } as never };
  for (const digest of ['a', 'b', 'c', 'b']) tokens.keep(digest, read);
  assert.deepEqual(
    [tokens.size, ['a', 'b', 'c'].filter((digest) => tokens.find(digest) !== undefined)],
    [2, ['b', 'c']],
  );
});
