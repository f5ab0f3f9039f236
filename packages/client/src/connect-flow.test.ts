/** Where a browser is sent for a person's yes, and which of what comes back is an answer to that. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { startConnectFlow, type ConnectFlowOptions } from './connect-flow.ts';
import { RemoteError } from './http.ts';

const ISSUER = 'https://login.example';
const METADATA = {
  ...{ issuer: ISSUER, authorization_endpoint: `${ISSUER}/authorize`, token_endpoint: `${ISSUER}/oauth/token` },
  ...{ authorization_response_iss_parameter_supported: true, code_challenge_methods_supported: ['S256'] },
};
const BACK = 'http://127.0.0.1:7001/callback';
const CODE = 'code-0123456789';

/** A provider that shows its metadata at one of the two addresses. */
function provider(metadata: object, at: string): typeof fetch {
  return (async (url: string) =>
    new URL(url).pathname === at
      ? Response.json(metadata)
      : new Response('nothing', { status: 404 })) as unknown as typeof fetch;
}

const RFC8414 = '/.well-known/oauth-authorization-server';
const OIDC = '/.well-known/openid-configuration';

function begin(change: Partial<ConnectFlowOptions> = {}, metadata: object = METADATA, at = RFC8414) {
  const send = provider(metadata, at);
  return startConnectFlow({ issuer: ISSUER, clientId: 'mail', redirectUri: BACK, fetch: send, ...change });
}

function back(url: string, change: Readonly<Record<string, string | null>> = {}): string {
  const answer = new URL(BACK);
  const said = { code: CODE, state: new URL(url).searchParams.get('state'), iss: ISSUER, ...change };
  for (const [name, value] of Object.entries(said)) if (value !== null) answer.searchParams.set(name, value);
  return answer.href;
}

function refused(code: string): (error: unknown) => boolean {
  return (error) => error instanceof DAuthError && error.code === code;
}

for (const at of [RFC8414, OIDC])
  test(`a flow asks for a code with PKCE, at the endpoint that ${at} names`, async () => {
    const scope = 'mail.read offline_access';
    const parameters = { access_type: 'offline' };
    const resource = ['https://api.example/a', 'https://api.example/b'];
    const flow = await begin({ scope, parameters, resource }, METADATA, at);
    const url = new URL(flow.url);
    const { state, code_challenge: challenge, ...rest } = Object.fromEntries(url.searchParams);
    assert.deepEqual(
      [url.origin + url.pathname, flow.tokenEndpoint],
      [METADATA.authorization_endpoint, METADATA.token_endpoint],
    );
    assert.deepEqual(rest, {
      ...{ response_type: 'code', client_id: 'mail', redirect_uri: BACK, scope, access_type: 'offline' },
      ...{ code_challenge_method: 'S256', resource: resource[1] },
    });
    assert.deepEqual(url.searchParams.getAll('resource'), resource);
    assert.ok(state!.length >= 43);
    const value = Buffer.from(flow.finish(back(flow.url)));
    const [verifier, code] = value.subarray(1).toString('latin1').split(' ');
    assert.deepEqual([value[0], code], [1, CODE]);
    assert.equal(createHash('sha256').update(verifier!).digest('base64url'), challenge);
  });

test('[token.bound] two flows have nothing in common', async () => {
  const [one, other] = [await begin(), await begin()];
  for (const name of ['state', 'code_challenge'])
    assert.notEqual(new URL(one.url).searchParams.get(name), new URL(other.url).searchParams.get(name));
  assert.throws(() => one.finish(back(other.url)), refused('POLICY_DENIED'));
});

for (const [what, change] of [
  ['another state', { state: 'another' }],
  ['no state', { state: null }],
  ['another issuer (RFC 9207)', { iss: 'https://evil.example' }],
  ['no issuer, where the provider always names one', { iss: null }],
  ['no code', { code: null }],
  ['a code that cannot be sealed', { code: 'a\u0001b-0123456789' }],
  ['a code too short to be searched for', { code: 'short' }],
] as const)
  test(`[token.bound] what comes back with ${what} is no answer`, async () => {
    const flow = await begin();
    assert.throws(() => flow.finish(back(flow.url, change)), refused('POLICY_DENIED'));
    flow.finish(back(flow.url));
  });

test('a provider or a person that says no is told from what is no answer', async () => {
  const flow = await begin();
  const no = back(flow.url, { code: null, error: 'access_denied' });
  assert.throws(
    () => flow.finish(no),
    (error) => error instanceof RemoteError && error.oauthError === 'access_denied',
  );
  assert.throws(() => flow.finish(no.replace(/state=[^&]+/, 'state=x')), refused('POLICY_DENIED'));
});

test('[seal.client-only] endpoints are taken as stated where the provider has no metadata, and only those of https', async () => {
  const endpoints = { authorization: 'https://github.example/authorize', token: 'https://github.example/access_token' };
  const flow = await startConnectFlow({ endpoints, clientId: 'mail', redirectUri: BACK });
  flow.finish(back(flow.url, { iss: null }));
  assert.throws(() => flow.finish(back(flow.url)), refused('POLICY_DENIED'), 'an issuer that nobody stated');
  for (const change of [
    { endpoints: { ...endpoints, authorization: 'http://github.example/authorize' } },
    { endpoints: { ...endpoints, token: 'http://github.example/access_token' } },
    { redirectUri: 'http://app.example/callback' },
    { parameters: { state: 'mine' } },
    { parameters: { redirect_uri: 'https://evil.example' } },
  ])
    await assert.rejects(
      startConnectFlow({ endpoints, clientId: 'mail', redirectUri: BACK, ...change }),
      refused('INVALID_REQUEST'),
    );
});

for (const [what, metadata, code] of [
  ['names another issuer', { ...METADATA, issuer: 'https://other.example' }, 'NOT_FOUND'],
  ['names no token endpoint', { ...METADATA, token_endpoint: undefined }, 'NOT_FOUND'],
  ['takes no PKCE with S256', { ...METADATA, code_challenge_methods_supported: ['plain'] }, 'INVALID_REQUEST'],
  [
    'is asked over plain http',
    { ...METADATA, authorization_endpoint: 'http://login.example/authorize' },
    'INVALID_REQUEST',
  ],
] as const)
  test(`[seal.client-only] nobody is sent to a provider that ${what}`, async () => {
    await assert.rejects(begin({}, metadata), refused(code));
  });
