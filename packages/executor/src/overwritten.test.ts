/** Keys that are taken only where freed memory is overwritten, through the real doors: elsewhere nothing is opened for them. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { TYP } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import { assertRefused } from './support/refused.test-support.ts';
import { ISSUER, RESOURCE, World } from './support/room.test-support.ts';
import { makePair } from './support/signer.test-support.ts';

const ENDPOINT = 'https://login.example/oauth/token';
const IDP = { endpoint: 'https://idp.example/oauth/token', subject_token: '{token}', subject_token_type: 'urn:x:y' };
const CLIENT = { client_id: 'me', private_key: '{key}' };
const BY_SECRET = { client_id: 'me', client_secret: '{secret}' };
const JAG = { scheme: 'id_jag', audience: 'https://login.example' };
const REFRESH = { scheme: 'oauth2', ...CLIENT, refresh_token: '{refresh}' };
const CONNECTED = { ...REFRESH, redirect_uri: 'http://127.0.0.1:7001/callback' };
const CODE = '\u0001verifier-0123456789-0123456789-0123456789-0123 code-0123456789';

const SCHEMES: Readonly<Record<string, object>> = {
  'a JWT bearer': { scheme: 'jwt_bearer', private_key: '{key}', iss: 'me', alg: 'ES256' },
  'client credentials': { scheme: 'client_credentials', ...CLIENT, alg: 'ES256' },
  'a token exchange': {
    ...{ scheme: 'token_exchange', ...CLIENT, alg: 'ES256' },
    ...{ subject_token: '{token}', subject_token_type: 'urn:x:y' },
  },
  'an ID-JAG, at the server of the API': { ...JAG, ...CLIENT, alg: 'ES256', idp: { ...IDP, ...BY_SECRET } },
  'an ID-JAG, at the identity provider': { ...JAG, ...BY_SECRET, idp: { ...IDP, ...CLIENT, alg: 'ES256' } },
  'a refresh token': { ...REFRESH, alg: 'ES256' },
  'a connected refresh token': { ...CONNECTED, alg: 'ES256' },
};
const FIELDS = {
  ...{ key: makePair('P-256').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string },
  ...{ token: 'a-subject-token-0123456789', secret: 'a client secret', refresh: 'rt-0123456789-0' },
};
const says = /takes no key of P-256 that signs: its C library does not overwrite what is freed/;
const REFUSED = { code: 'POLICY_DENIED', step: 4, says } as const;

let world: World;
before(async () => {
  world = await World.open();
});
beforeEach(() => {
  world.isFreedOverwritten = false;
});
after(() => world[Symbol.asyncDispose]());

/** Only what the scheme names is sealed. */
function connect(scheme: object, fields: Readonly<Record<string, string>> = FIELDS) {
  const text = JSON.stringify(scheme);
  const named = Object.fromEntries(Object.entries(fields).filter(([name]) => text.includes(`{${name}}`)));
  return world.connect({ inject: [{ endpoint: ENDPOINT, ...scheme }] }, world.device, named);
}

for (const [what, scheme] of Object.entries(SCHEMES))
  test(`[memory.clean] where freed memory stays as it is nothing is opened for a key of P-256 that signs for ${what}`, async () => {
    const handle = await connect(scheme);
    await assertRefused(world, () => world.dispatch(handle), REFUSED);
    world.isFreedOverwritten = true;
    const { length } = world.sent;
    await world.dispatch(handle);
    assert.ok(world.sent.length > length, 'where it is overwritten the endpoint is asked');
  });

test('[memory.clean] where freed memory stays as it is a code is redeemed by no key of P-256, neither by ticket nor by dispatch', async () => {
  const handle = await connect({ ...CONNECTED, alg: 'ES256' }, { ...FIELDS, refresh: CODE });
  await assertRefused(world, () => world.dispatch(handle), REFUSED);
  const { ver, envelope } = world.authority.stored.get(handle)!;
  const said = { iss: ISSUER, aud: RESOURCE, jti: randomUUID(), handle, ver, sha256: sha256Base64url(envelope) };
  const header = { typ: TYP.redeemTicket, kid: world.authority.kid };
  const ticket = world.authority.signer.jws(header, { ...said, exp: world.now + 60 });
  const nothing = [world.opened, world.authority.leased.length, world.sent.length];
  const reply = await world.send('POST', '/redeem', ['Content-Type', 'application/json'], JSON.stringify({ ticket }));
  assert.match(reply.text, REFUSED.says);
  assert.deepEqual([world.opened, world.authority.leased.length, world.sent.length], nothing);
});
