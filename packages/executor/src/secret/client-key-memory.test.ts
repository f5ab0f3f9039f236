/** What stays of a private key by which a client proves who it is, in each scheme and form, and of a token that it got by that. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { parseInjections } from '@dauth/protocol';
import { pad } from '../support/echo.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';
import type { Material } from '../support/memory-sealed.test-support.ts';
import { privateKey } from '../support/private-keys.test-support.ts';

const TOKEN = Buffer.from(`at_${randomBytes(24).toString('hex')}`);
const shown: string[] = [];
let given = 0;

function giveToken(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.url !== '/oauth/token') return false;
  const members = { token_type: 'Bearer', expires_in: 0, access_token: TOKEN.toString(), pad: pad(400) };
  // Where it ends is different each time.
  const text = JSON.stringify(members) + ' '.repeat(given++ % 16);
  let sent = '';
  request.setEncoding('latin1').on('data', (piece: string) => (sent += piece));
  request.on('end', () => {
    shown.push(new URLSearchParams(sent).get('client_assertion')!);
    response.end(text);
  });
  return true;
}

/** Of the last assertions, without what anybody can know of them; as octets, and as numbers are computed with. */
function signatures(): Record<string, Buffer> {
  const last = shown.slice(-2).map((jwt, at) => {
    const text = jwt.slice(jwt.lastIndexOf('.') + 1);
    const octets = Buffer.from(text, 'base64url');
    const words = Buffer.from(octets.toReversed());
    return [
      [`signature ${at}`, Buffer.from(text)],
      [`signature ${at}, octets`, octets],
      [`signature ${at}, words`, words],
    ];
  });
  return Object.fromEntries(last.flat());
}

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(giveToken)));
after(() => proof[Symbol.asyncDispose]());

const ID_TOKEN = { subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' };
const KINDS: readonly (readonly [what: string, scheme: object, material: () => Material])[] = [
  [
    'RSA in PKCS #8, of client credentials',
    { scheme: 'client_credentials', alg: 'RS256' },
    () => privateKey('RSA-2048', 'PKCS #8'),
  ],
  [
    'P-256 in SEC 1, of client credentials',
    { scheme: 'client_credentials', alg: 'ES256' },
    () => privateKey('P-256', 'SEC 1'),
  ],
  [
    'Ed25519 in PKCS #8, of client credentials',
    { scheme: 'client_credentials', alg: 'Ed25519' },
    () => privateKey('Ed25519', 'PKCS #8'),
  ],
  [
    'P-256 in PKCS #8, of a refresh token',
    { scheme: 'oauth2', alg: 'ES256', refresh_token: '{second}' },
    () => privateKey('P-256', 'PKCS #8'),
  ],
  [
    'RSA in PKCS #1, of a token exchange',
    { scheme: 'token_exchange', alg: 'RS256', subject_token: '{second}', ...ID_TOKEN },
    () => privateKey('RSA-2048', 'PKCS #1'),
  ],
];

for (const [what, scheme, material] of KINDS)
  test(`[memory.clean] leaves no copy of a client's key of ${what}, nor of an assertion by it or a token that it got`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    const before = given;
    const endpoint = `${proof.origin}/oauth/token`;
    const inject = parseInjections([{ endpoint, client_id: 'robot', private_key: '{token}', ...scheme }]);
    const calls = ['/', '/?echo=body&split', '/?echo=head'].map((target) => ({ target }));
    await proof.assertClean(t, inject, calls, { made: () => ({ 'a token': TOKEN }), material, later: signatures });
    assert.ok(given - before > 2, 'a token was asked for more than once');
  });
