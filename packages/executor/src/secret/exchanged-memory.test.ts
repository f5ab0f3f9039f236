/** What stays of a credential that is exchanged for a token, of the token, and of a key that signs for one. */
import assert from 'node:assert/strict';
import { randomBytes, type KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { parseInjections, type Injection } from '@dauth/protocol';
import { pad } from '../support/echo.test-support.ts';
import { MemoryProof, type Look, type Material } from '../support/memory.test-support.ts';
import { makePair } from '../support/signer.test-support.ts';

/** What the token endpoint gives in turn, and how long it says that is good for. */
const TOKENS = Array.from({ length: 2 }, () => Buffer.from(`at_${randomBytes(24).toString('hex')}`));
let given = 0;
let expiresIn = 0;

function giveToken(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.url !== '/oauth/token') return false;
  const access = TOKENS[given++ % TOKENS.length]!.toString();
  const answer = JSON.stringify({ token_type: 'Bearer', expires_in: expiresIn, access_token: access, pad: pad(400) });
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
        const value = Buffer.from(key.export({ format: format as 'der', type: 'pkcs8' }));
        // Behind what is public: of RSA the modulus, of P-256 which kind of key it is.
        const text = format === 'pem' ? { 'key in PEM': value.subarray(alg === 'RS256' ? 460 : 60, -30) } : {};
        return { value, parts: { ...partsOf(key), ...text } };
      };
      const look: Look = { made: tokens, material };
      const inject = exchanged({ scheme: 'jwt_bearer', alg, private_key: '{token}', iss: 'robot@project.example' });
      await proof.assertClean(t, inject, CALLS, look);
    });
  }
}
