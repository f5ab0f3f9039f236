/** What stays of a credential that is exchanged for a token, of the token, and of a key that signs for one. */
import assert from 'node:assert/strict';
import { randomBytes, type KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { parseInjections, type Injection } from '@dauth/protocol';
import { MemoryProof, pad, type Look, type Material } from '../support/memory.test-support.ts';
import { makePair } from '../support/signer.test-support.ts';

/** What the token endpoint gives in turn, and how long it says that is good for. */
const TOKENS = Array.from({ length: 2 }, () => Buffer.from(`at_${randomBytes(24).toString('hex')}`));
let given = 0;
let expiresIn = 0;

function giveToken(request: IncomingMessage, response: ServerResponse): boolean {
  const isGithub = request.url === '/app/installations/42/access_tokens';
  if (request.url !== '/oauth/token' && !isGithub) return false;
  const access = TOKENS[given++ % TOKENS.length]!.toString();
  const answer = isGithub
    ? JSON.stringify({ expires_at: '2020-01-01T00:00:00Z', token: access, pad: pad(400) })
    : JSON.stringify({ token_type: 'Bearer', expires_in: expiresIn, access_token: access, pad: pad(400) });
  if (isGithub) response.statusCode = 201;
  // Where it ends, and whether it comes in one piece, is different each time.
  const text = answer + ' '.repeat(given % 16);
  const isWhole = given % 3 > 0;
  request.resume().on('end', () => {
    if (isWhole) return response.end(text);
    response.write(text.slice(0, 60));
    setTimeout(() => response.end(text.slice(60)), 2);
  });
  return true;
}

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(giveToken)));
after(() => proof[Symbol.asyncDispose]());

const CALLS = ['/', '/?echo=body&split', '/?echo=head', '/?echo=end&size=7'].map((target) => ({ target }));
const tokens = (): Record<string, Buffer> => ({ 'a token': TOKENS[0]!, 'another token': TOKENS[1]! });

function exchanged(members: object): readonly Injection[] {
  return parseInjections([{ endpoint: `${proof.origin}/oauth/token`, ...members }]);
}

for (const auth of ['client_secret_basic', 'client_secret_post']) {
  for (const [how, seconds] of Object.entries({ 'used once': 0, kept: 3_600 })) {
    test(`[memory.clean] leaves no copy of a client secret shown by ${auth}, nor of a token that is ${how}`, async (t) => {
      const { forbidden } = proof;
      if (forbidden !== null) return t.skip(forbidden);
      expiresIn = seconds;
      const before = given;
      // Without the public beginning, whose pieces may lie anywhere.
      const made = (secret: Buffer): Record<string, Buffer> => ({
        ...tokens(),
        'Basic credential': Buffer.from(Buffer.from(`robot:${secret.toString()}`).toString('base64').slice(8)),
      });
      const inject = exchanged({ scheme: 'client_credentials', client_id: 'robot', client_secret: '{token}', auth });
      await proof.assertClean(t, inject, CALLS, { made });
      assert.equal(given - before > 2, seconds === 0, `${given - before} tokens were given`);
    });
  }
}

/** The secret numbers of a key, as they stand in it and as OpenSSL computes with them. */
function partsOf(key: KeyObject): Record<string, Buffer> {
  const jwk = key.export({ format: 'jwk' });
  return Object.fromEntries(
    (['d', 'p', 'q', 'dp', 'dq', 'qi'] as const).flatMap((name) => {
      if (jwk[name] === undefined) return [];
      const number = Buffer.from(jwk[name], 'base64url');
      return [
        [`private ${name}`, number],
        [`private ${name}, words`, Buffer.from(number.toReversed())],
      ];
    }),
  );
}

/** A key in PEM, of which the text from `start` to `end` is secret. */
function inPem(key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1', start: number, end = -30): Material {
  const value = Buffer.from(key.export({ format: 'pem', type: type as 'pkcs8' }));
  return { value, parts: { ...partsOf(key), 'key in PEM': value.subarray(start, end) } };
}

const KEYS: Readonly<Record<string, () => KeyObject>> = {
  RS256: () => makePair('RSA-2048').privateKey,
  ES256: () => makePair('P-256').privateKey,
};
for (const [alg, make] of Object.entries(KEYS)) {
  for (const format of ['pem', 'der'] as const) {
    test(`[memory.clean] leaves no copy of a private key in ${format} that signs by ${alg}`, async (t) => {
      const { forbidden } = proof;
      if (forbidden !== null) return t.skip(forbidden);
      expiresIn = 0;
      const material = (): Material => {
        const key = make();
        // Behind what is public: of RSA the modulus, of P-256 which kind of key it is.
        if (format === 'pem') return inPem(key, 'pkcs8', alg === 'RS256' ? 460 : 60);
        return { value: Buffer.from(key.export({ format, type: 'pkcs8' })), parts: partsOf(key) };
      };
      const look: Look = { made: tokens, material };
      const inject = exchanged({ scheme: 'jwt_bearer', alg, private_key: '{token}', iss: 'robot@project.example' });
      await proof.assertClean(t, inject, CALLS, look);
    });
  }
}

/** Wrapped into PKCS #8 before they sign, in memory of ours. */
const OTHER_FORMS = [
  ['PKCS #1', 'RS256', 'pkcs1', 460, -30],
  ['SEC 1', 'ES256', 'sec1', 41, 83],
] as const;
for (const [form, alg, type, start, end] of OTHER_FORMS) {
  test(`[memory.clean] leaves no copy of a private key in ${form} that signs by ${alg}`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    expiresIn = 0;
    const look: Look = { made: tokens, material: () => inPem(KEYS[alg]!(), type, start, end) };
    const inject = exchanged({ scheme: 'jwt_bearer', alg, private_key: '{token}', iss: 'robot@project.example' });
    await proof.assertClean(t, inject, CALLS, look);
  });
}

test('[memory.clean] leaves no copy of the private key of a GitHub App, nor of a token of its installation', async (t) => {
  const { forbidden } = proof;
  if (forbidden !== null) return t.skip(forbidden);
  const endpoint = `${proof.origin}/app/installations/42/access_tokens`;
  const inject = parseInjections([{ scheme: 'github_app', endpoint, private_key: '{token}', iss: 'Iv23liExample' }]);
  await proof.assertClean(t, inject, CALLS, { made: tokens, material: () => inPem(KEYS.RS256!(), 'pkcs1', 460) });
});
