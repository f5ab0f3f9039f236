/**
 * What stays of the other kinds of credentials that are exchanged: private keys in forms that are wrapped into PKCS #8 before
 * they sign, the key of a GitHub App, and a token that is exchanged for another.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { parseInjections } from '@dauth/protocol';
import { pad } from '../support/echo.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';
import type { Material } from '../support/memory-sealed.test-support.ts';
import { privateKey } from '../support/private-keys.test-support.ts';

const INSTALLATION = '/app/installations/42/access_tokens';
/** What either endpoint gives, to be used once. */
const TOKEN = Buffer.from(`ghs_${randomBytes(24).toString('hex')}`);
const ANSWERS: Readonly<Record<string, readonly [status: number, members: object]>> = {
  '/oauth/token': [200, { token_type: 'Bearer', expires_in: 0, access_token: TOKEN.toString() }],
  [INSTALLATION]: [201, { expires_at: '2020-01-01T00:00:00Z', token: TOKEN.toString() }],
};

let given = 0;
function giveToken(request: IncomingMessage, response: ServerResponse): boolean {
  const [status, members] = ANSWERS[request.url!] ?? [];
  if (status === undefined) return false;
  // Where it ends is different each time.
  const text = JSON.stringify({ ...members, pad: pad(400) }) + ' '.repeat(given++ % 16);
  request.resume().on('end', () => response.writeHead(status).end(text));
  return true;
}

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(giveToken)));
after(() => proof[Symbol.asyncDispose]());

const RSA = () => privateKey('RSA-2048', 'PKCS #1');
const P256 = () => privateKey('P-256', 'SEC 1');
const BEHIND = () => privateKey('P-256', 'SEC 1 behind parameters');
const ED25519 = (form: 'PKCS #8' | 'PKCS #8 in DER') => () => privateKey('Ed25519', form);
const SIGNER = { scheme: 'jwt_bearer', private_key: '{token}', iss: 'robot@project.example' };

const SUBJECT = {
  scheme: 'token_exchange',
  subject_token: '{token}',
  subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
};

const KINDS: readonly (readonly [what: string, endpoint: string, scheme: object, material?: () => Material])[] = [
  ['a private key in PKCS #1 that signs by RS256', '/oauth/token', { ...SIGNER, alg: 'RS256' }, RSA],
  ['a private key in SEC 1 that signs by ES256', '/oauth/token', { ...SIGNER, alg: 'ES256' }, P256],
  ['a private key behind its parameters that signs by ES256', '/oauth/token', { ...SIGNER, alg: 'ES256' }, BEHIND],
  ['a private key in PEM that signs by Ed25519', '/oauth/token', { ...SIGNER, alg: 'Ed25519' }, ED25519('PKCS #8')],
  ['a private key in DER that signs by EdDSA', '/oauth/token', { ...SIGNER, alg: 'EdDSA' }, ED25519('PKCS #8 in DER')],
  ['the key of a GitHub App', INSTALLATION, { ...SIGNER, scheme: 'github_app' }, RSA],
  ['the subject of a token exchange', '/oauth/token', SUBJECT],
];
for (const [what, endpoint, scheme, material] of KINDS) {
  test(`[memory.clean] leaves no copy of ${what}, nor of a token it was exchanged for`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    const before = given;
    const inject = parseInjections([{ ...scheme, endpoint: proof.origin + endpoint }]);
    const calls = ['/', '/?echo=body&split', '/?echo=head'].map((target) => ({ target }));
    await proof.assertClean(t, inject, calls, {
      made: () => ({ 'a token': TOKEN }),
      ...(material === undefined ? {} : { material }),
    });
    assert.ok(given - before > 2, 'a token was asked for more than once');
  });
}
