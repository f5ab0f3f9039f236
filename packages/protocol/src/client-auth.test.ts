/** Clients that prove who they are with a private key: what an envelope may say of one, in each scheme that has a client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proofOf } from './client-auth.ts';
import { DAuthError } from './errors.ts';
import { injectedFields, parseInjections, searchedFields } from './inject.ts';

const ENDPOINT = 'https://login.example/oauth/token';
const KEY = { client_id: 'reports', private_key: '{key}', alg: 'ES256' };
const SCHEMES: Readonly<Record<string, object>> = {
  client_credentials: { scheme: 'client_credentials', endpoint: ENDPOINT },
  oauth2: { scheme: 'oauth2', endpoint: ENDPOINT, refresh_token: '{refresh}' },
  token_exchange: {
    ...{ scheme: 'token_exchange', endpoint: ENDPOINT, subject_token: '{subject}' },
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  },
};
/** Fields that the endpoint is shown whoever asks. */
const SHOWN: Readonly<Record<string, readonly string[]>> = { oauth2: ['refresh'], token_exchange: ['subject'] };

const WRONG: readonly (readonly [what: string, change: object, message: RegExp])[] = [
  ['a secret beside the key', { client_secret: '{secret}' }, /exclude each other/],
  ['no algorithm', { alg: undefined }, /"alg" is/],
  ['a shared key', { alg: 'HS256' }, /"alg" is/],
  ['no algorithm by name', { alg: 'none' }, /"alg" is/],
  ['a key in the open', { private_key: '-----BEGIN' }, /must name a field/],
  ['a key of two fields', { private_key: '{a}{b}' }, /one field and nothing else/],
  ['a key that is its name, too', { kid: 'k-{key}' }, /shown to nobody/],
  ['a key that is whom it is for, too', { aud: '{key}' }, /shown to nobody/],
  ['a key that is the client, too', { client_id: '{key}' }, /shown to nobody/],
  ['an empty name of a key', { kid: '' }, /must not be empty/],
  ['nobody whom it is for', { aud: '' }, /must not be empty/],
  ['another way to authenticate', { auth: 'client_secret_basic' }, /"private_key_jwt" where/],
  ['no key', { private_key: undefined }, /need "private_key"/],
  [
    'a way to authenticate alone',
    { private_key: undefined, alg: undefined, auth: 'private_key_jwt' },
    /need "private_key"/,
  ],
  [
    'a secret and the name of a key',
    { private_key: undefined, alg: undefined, kid: 'k', client_secret: '{s}' },
    /need/,
  ],
  ['a life', { lifetime: 300 }, /not defined/],
];

function refused(parse: () => unknown, message: RegExp): void {
  assert.throws(
    parse,
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
  );
}

for (const [name, scheme] of Object.entries(SCHEMES)) {
  test(`a client of ${name} may prove itself by a key, which is shown to nobody`, () => {
    const full = { ...scheme, ...KEY, auth: 'private_key_jwt', kid: 'k-{kid}', aud: '{issuer}' };
    const parsed = parseInjections([full]);
    assert.deepEqual(parsed, [full]);
    assert.equal(proofOf(parsed[0]!)?.auth, 'private_key_jwt');
    const shown = [...(SHOWN[name] ?? []), 'kid', 'issuer'].toSorted();
    assert.deepEqual([...searchedFields(parsed)].toSorted(), shown);
    assert.deepEqual([...injectedFields(parsed)].toSorted(), [...shown, 'key'].toSorted());
    const [short] = parseInjections([{ ...scheme, ...KEY }]);
    assert.deepEqual(short, { ...scheme, ...KEY, auth: 'private_key_jwt', aud: ENDPOINT });
  });

  for (const [what, change, message] of WRONG)
    test(`[seal.bound] a client of ${name} with ${what} is refused`, () => {
      const said = JSON.parse(JSON.stringify({ ...scheme, ...KEY, ...change })) as object;
      refused(() => parseInjections([said]), message);
    });

  test(`[seal.bound] a slot with the key of a client of ${name} is refused`, () => {
    const slot = { in: 'header', name: 'x-key', value: '{key}' };
    refused(() => parseInjections([{ ...scheme, ...KEY }, slot]), /shown to nobody/);
  });
}

test('[seal.bound] a public client with a key, and a key of nobody, are refused', () => {
  refused(() => parseInjections([{ ...SCHEMES.oauth2, ...KEY, auth: 'none' }]), /goes with an "auth"/);
  refused(
    () => parseInjections([{ ...SCHEMES.oauth2, client_id: 'a', auth: 'none', alg: 'ES256' }]),
    /need "private_key"/,
  );
  const { client_id: _, ...key } = KEY;
  refused(() => parseInjections([{ ...SCHEMES.token_exchange, ...key }]), /needs "client_id"/);
  refused(
    () => parseInjections([{ ...SCHEMES.oauth2, ...KEY, refresh_token: '{key}' }]),
    /shown to nobody|nowhere else/,
  );
  refused(() => parseInjections([{ ...SCHEMES.token_exchange, ...KEY, subject_token: 'x{key}' }]), /shown to nobody/);
});
