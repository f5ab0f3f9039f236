/** Private keys of every scheme that has one: what nobody could sign with is refused on the device, and zeroed. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { fetchExecutor, MemorySeqStore, type VerifiedExecutor } from './directory.ts';
import { generateKey, type ClientKey } from './key.ts';
import { seal, type InjectionInput } from './seal.ts';
import { makeExecutor, NOW } from './signer.test-support.ts';

let executor: VerifiedExecutor;
let key: ClientKey;
before(async () => {
  const world = await makeExecutor();
  const directory = await world.sign();
  const options = { url: 'https://executor.example', identities: [world.identity.jkt], now: () => NOW };
  const fetch = async () => new Response(directory);
  executor = await fetchExecutor({ ...options, seqStore: new MemorySeqStore(), fetch });
  key = await generateKey();
});

const block = (label: string, base64 = 'MIGH'): string =>
  `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
const PARAMETERS = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
const LOCKED = block('ENCRYPTED PRIVATE KEY');

const endpoint = 'https://login.example/token';
const client = { endpoint, client_id: 'reports', private_key: '{key}', alg: 'ES256' } as const;
const idp = { ...client, endpoint: 'https://idp.example/token', private_key: '{idp_key}', alg: 'RS256' } as const;
const SUBJECT = { subject_token: '{subject}', subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' };
const installation = 'https://api.example/app/installations/42/access_tokens';

/** By name: the scheme, and the kind of key that each of its fields is. */
const SCHEMES: Readonly<
  Record<string, readonly [scheme: object, keys: Readonly<Record<string, 'RSA' | 'EC' | 'any'>>]>
> = {
  jwt_bearer: [{ scheme: 'jwt_bearer', endpoint, private_key: '{key}', alg: 'ES256', iss: 'ada' }, { key: 'EC' }],
  github_app: [{ scheme: 'github_app', endpoint: installation, private_key: '{key}', iss: '1' }, { key: 'RSA' }],
  client_credentials: [{ scheme: 'client_credentials', ...client }, { key: 'EC' }],
  oauth2: [{ scheme: 'oauth2', ...client, refresh_token: '{subject}' }, { key: 'EC' }],
  token_exchange: [{ scheme: 'token_exchange', ...client, ...SUBJECT }, { key: 'EC' }],
  id_jag: [
    { scheme: 'id_jag', ...client, audience: 'https://login.example', idp: { ...idp, ...SUBJECT } },
    { key: 'EC', idp_key: 'RSA' },
  ],
  mtls: [{ scheme: 'mtls', certificate: '{certificate}', private_key: '{key}' }, { key: 'any' }],
};
const FILES = {
  RSA: block('RSA PRIVATE KEY', 'MIGI'),
  EC: PARAMETERS + block('EC PRIVATE KEY'),
  any: block('PRIVATE KEY'),
};

for (const [name, [scheme, keys]] of Object.entries(SCHEMES)) {
  const sealWith = async (files: Readonly<Record<string, string>>) => {
    const said = JSON.stringify(scheme);
    const others = { subject: 'subject-0123456789', certificate: block('CERTIFICATE') };
    const used = Object.entries({ ...others, ...files }).filter(([field]) => said.includes(`{${field}}`));
    const fields = Object.fromEntries(used.map(([field, value]) => [field, Buffer.from(value)]));
    const policy = {
      ...{ issuer: 'https://auth.example', owner: 'ada', connection: 'api', servers: ['https://mcp.example/mcp'] },
      allow: [{ origin: 'https://api.example', methods: ['GET'], paths: ['/user'] }],
      ...{ inject: [scheme as InjectionInput], expiresAt: 4_000_000_000 },
    };
    return { fields, sealing: seal({ executor, key, fields, policy }) };
  };
  const right = Object.fromEntries(Object.entries(keys).map(([field, kind]) => [field, FILES[kind]]));

  test(`keys of ${name} are sealed as their tools write them`, async () => {
    const { sealing } = await sealWith(right);
    assert.equal((await sealing).ver, 1);
  });

  for (const field of Object.keys(keys))
    test(`[seal.client-only] a key of ${name} that is no key is refused before it is sealed, and zeroed: ${field}`, async () => {
      const { fields, sealing } = await sealWith({ ...right, [field]: LOCKED });
      await assert.rejects(
        sealing,
        (error: unknown) =>
          error instanceof DAuthError &&
          error.code === 'INVALID_REQUEST' &&
          error.publicMessage.startsWith(`The value of the field "${field}" has a password, `),
      );
      for (const value of Object.values(fields)) assert.ok(value.every((octet) => octet === 0));
    });
}
