/** What stays of a subject token, of the ID-JAG that it is exchanged for, and of the token that comes for that. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { parseInjections } from '@dauth/protocol';
import { pad } from '../support/echo.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';
import { privateKey } from '../support/private-keys.test-support.ts';

const made = {
  'an ID-JAG': Buffer.from(`jag_${randomBytes(24).toString('hex')}`),
  'a token': Buffer.from(`at_${randomBytes(24).toString('hex')}`),
};
const ANSWERS: Readonly<Record<string, object>> = {
  '/idp/token': {
    ...{ access_token: made['an ID-JAG'].toString(), token_type: 'N_A' },
    issued_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
  },
  '/oauth/token': { access_token: made['a token'].toString(), token_type: 'Bearer', expires_in: 0 },
};
let given = 0;

function give(request: IncomingMessage, response: ServerResponse): boolean {
  const members = ANSWERS[request.url!];
  if (members === undefined) return false;
  // Where it ends, and whether it comes in one piece, is different each time.
  const text = JSON.stringify({ ...members, pad: pad(400) }) + ' '.repeat(given++ % 16);
  const isWhole = given % 3 > 0;
  request.resume().on('end', () => {
    if (isWhole) return response.end(text);
    response.write(text.slice(0, 50));
    setTimeout(() => response.end(text.slice(50)), 2);
  });
  return true;
}

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(give)));
after(() => proof[Symbol.asyncDispose]());

const CALLS = ['/', '/?echo=body&split', '/?echo=head', '/?echo=end&size=7'].map((target) => ({ target }));
const KEYED = { client_id: 'robot', private_key: '{token}', alg: 'ES256' };
const SECRET = { client_id: 'robot', client_secret: '{second}' };

for (const [what, client, subject, material] of [
  ['a subject token', SECRET, '{token}', undefined],
  ['a key of a client at both', KEYED, '{second}', () => privateKey('P-256', 'PKCS #8')],
] as const)
  test(`[memory.clean] leaves no copy of ${what}, nor of an ID-JAG and the token that comes for it`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    const before = given;
    const type = 'urn:ietf:params:oauth:token-type:refresh_token';
    const idp = { endpoint: `${proof.origin}/idp/token`, ...client, subject_token: subject, subject_token_type: type };
    const scheme = {
      scheme: 'id_jag',
      endpoint: `${proof.origin}/oauth/token`,
      ...client,
      audience: 'https://a.example',
    };
    const inject = parseInjections([{ ...scheme, idp }]);
    await proof.assertClean(t, inject, CALLS, { made: () => made, ...(material === undefined ? {} : { material }) });
    assert.ok(given - before > 4, `${given - before} exchanges`);
  });
