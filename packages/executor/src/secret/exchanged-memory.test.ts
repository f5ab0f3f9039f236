/** What stays of a credential that is exchanged for a token, of the token, and of a key that signs for one. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { parseInjections, type Injection } from '@dauth/protocol';
import { pad } from '../support/echo.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';
import { privateKey } from '../support/private-keys.test-support.ts';

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

for (const [alg, kind] of [
  ['RS256', 'RSA-2048'],
  ['ES256', 'P-256'],
] as const) {
  for (const format of ['pem', 'der'] as const) {
    test(`[memory.clean] leaves no copy of a private key in ${format} that signs by ${alg}`, async (t) => {
      const { forbidden } = proof;
      if (forbidden !== null) return t.skip(forbidden);
      expiresIn = 0;
      const material = () => privateKey(kind, format === 'pem' ? 'PKCS #8' : 'PKCS #8 in DER');
      const inject = exchanged({ scheme: 'jwt_bearer', alg, private_key: '{token}', iss: 'robot@project.example' });
      await proof.assertClean(t, inject, CALLS, { made: tokens, material });
    });
  }
}
