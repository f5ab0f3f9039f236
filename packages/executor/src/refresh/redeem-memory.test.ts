/** What stays of codes and verifiers, of what they are redeemed for, and of the keys that is sealed with. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { parseInjections } from '@dauth/protocol';
import { pad } from '../support/echo.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';
import type { Material } from '../support/memory-sealed.test-support.ts';

const random = (prefix: string): Buffer => Buffer.from(`${prefix}${randomBytes(24).toString('hex')}`);
const [ACCESS, REFRESH] = [random('at_'), random('rt_')];
let refreshes = true;
/** What the endpoint was asked with. */
const grants: string[] = [];

function giveTokens(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.url !== '/oauth/token') return false;
  let form = '';
  request.setEncoding('latin1').on('data', (text: string) => (form += text));
  request.on('end', () => {
    grants.push(new URLSearchParams(form).get('grant_type')!);
    const next = refreshes ? { refresh_token: REFRESH.toString() } : {};
    const end = refreshes ? { expires_in: 0 } : {};
    response.end(
      JSON.stringify({ ...next, ...end, token_type: 'Bearer', access_token: ACCESS.toString(), pad: pad(400) }),
    );
  });
  return true;
}

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(giveTokens, { isOverwritten: false })));
after(() => proof[Symbol.asyncDispose]());

/** As the client lays a code out. */
function aCode(): Material {
  const [verifier, code] = [random('v-'), random('code_')];
  return { value: Buffer.concat([Buffer.of(1), verifier, Buffer.of(0x20), code]), parts: { verifier, code } };
}

/** As an executor seals an access token that came without a refresh token. */
function anAccessToken(): Material {
  const token = random('at_');
  return { value: Buffer.concat([Buffer.from('\u00020 ', 'latin1'), token]), parts: { token } };
}

const CALLS = ['/', '/?echo=body&split', '/?echo=head', '/?echo=end&size=7'].map((target) => ({ target }));
const made = () => ({ 'an access token': ACCESS, 'a refresh token that came': REFRESH });
const ENVELOPES = 8;

for (const [what, material, isRefreshed, members] of [
  [
    'a code, and what is refreshed from then on',
    aCode,
    true,
    { client_secret: '{second}', auth: 'client_secret_post' },
  ],
  ['a code, and the access token that is all that came', aCode, false, {}],
  ['an access token that is all there is', anAccessToken, false, {}],
] as const)
  test(`[memory.clean] leaves no copy of ${what}`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    refreshes = isRefreshed;
    grants.length = 0;
    const scheme = {
      ...{ scheme: 'oauth2', endpoint: `${proof.origin}/oauth/token`, client_id: 'robot', refresh_token: '{token}' },
      ...{ redirect_uri: 'http://127.0.0.1:7001/callback', ...members },
    };
    await proof.assertClean(t, parseInjections([scheme]), CALLS, { made, material, envelopes: ENVELOPES });
    const codes = grants.filter((type) => type === 'authorization_code').length;
    assert.equal(codes, material === aCode ? ENVELOPES : 0);
    assert.equal(grants.length > ENVELOPES, isRefreshed);
  });
