/** How the client of a host finds who to ask: the server's document, then the authority's, in MCP's order; and what it takes there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { auth } from '@modelcontextprotocol/client';
import {
  comeBack,
  ISSUER,
  issuerAnswers,
  makeProvider,
  makeTransport,
  makeWeb,
  metadataOf,
  REDIRECT,
  resourceAnswers,
  SERVER,
} from './provider.test-support.ts';

const WELL_KNOWN = 'https://mcp.example/.well-known/oauth-protected-resource';
const PLAIN = 'Plain http is only for a loopback address; use https.';

for (const [issuer, addresses] of [
  [ISSUER, [`${ISSUER}/.well-known/oauth-authorization-server`, `${ISSUER}/.well-known/openid-configuration`]],
  [
    `${ISSUER}/tenant`,
    [
      `${ISSUER}/.well-known/oauth-authorization-server/tenant`,
      `${ISSUER}/.well-known/openid-configuration/tenant`,
      `${ISSUER}/tenant/.well-known/openid-configuration`,
    ],
  ],
] as const)
  test(`metadata of ${issuer} is looked for at each address that MCP names, in its order`, async () => {
    for (const [index, address] of addresses.entries()) {
      const { [`${issuer}/register`]: register } = issuerAnswers(issuer);
      const openid = { jwks_uri: `${issuer}/keys`, subject_types_supported: ['public'] };
      const more = { ...openid, id_token_signing_alg_values_supported: ['ES256'] };
      const web = makeWeb({
        ...resourceAnswers({ authorization_servers: [issuer] }),
        [`${issuer}/register`]: register!,
        [address]: metadataOf(issuer, more),
      });
      const made = await makeProvider();
      assert.equal(await auth(made.provider, { serverUrl: SERVER, fetchFn: web.send }), 'REDIRECT');
      const asked = web.asked
        .map(({ url }) => url)
        .filter((url) => url.startsWith(ISSUER) && url.includes('well-known'));
      assert.deepEqual(asked, addresses.slice(0, index + 1));
      assert.equal(made.opened[0]!.href.split('?')[0], `${issuer}/authorize`);
    }
  });

test('[token.bound] metadata that names another issuer is not used: nobody is registered, sent or asked', async () => {
  for (const issuer of ['https://other.example', `${ISSUER}/tenant`, 'https://auth.example.evil', undefined]) {
    const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER, { issuer }) });
    const made = await makeProvider();
    await assert.rejects(auth(made.provider, { serverUrl: SERVER, fetchFn: web.send }), String(issuer));
    assert.deepEqual([made.opened, web.to(`${ISSUER}/register`), web.to(`${ISSUER}/token`)], [[], [], []]);
  }
});

for (const [what, challenge, expected] of [
  ['where the challenge says', 'DPoP resource_metadata="https://mcp.example/where"', ['https://mcp.example/where']],
  ['beside its own path, without a word', 'DPoP', [`${WELL_KNOWN}/mcp`]],
] as const)
  test(`the document of a server is read ${what}`, async () => {
    const [document] = Object.values(resourceAnswers());
    const web = makeWeb({
      ...Object.fromEntries(expected.map((address) => [address, document!])),
      ...issuerAnswers(ISSUER),
      [SERVER]: () => new Response(null, { status: 401, headers: { 'www-authenticate': challenge } }),
    });
    const made = await makeProvider();
    const transport = makeTransport(made.provider, web);
    await transport.start();
    await assert.rejects(transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' }));
    const asked = web.asked.map(({ url }) => url);
    assert.deepEqual(asked.slice(0, 2), [SERVER, ...expected]);
    assert.equal(made.opened[0]!.origin, ISSUER);
    assert.equal(made.opened[0]!.searchParams.get('resource'), SERVER);
  });

test('the document of a server that has none beside its path is read at the root', async () => {
  const web = makeWeb({ [WELL_KNOWN]: Object.values(resourceAnswers())[0]!, ...issuerAnswers(ISSUER) });
  const made = await makeProvider();
  assert.equal(await auth(made.provider, { serverUrl: SERVER, fetchFn: web.send }), 'REDIRECT');
  assert.deepEqual(
    web.asked.slice(0, 2).map(({ url }) => url),
    [`${WELL_KNOWN}/mcp`, WELL_KNOWN],
  );
});

test('[token.bound] every request to the server has its token in the Authorization header, and none in an address', async () => {
  const web = makeWeb({
    ...resourceAnswers(),
    ...issuerAnswers(ISSUER),
    [SERVER]: () => new Response(null, { status: 202 }),
  });
  const made = await makeProvider();
  const by = { serverUrl: SERVER, fetchFn: web.send };
  await auth(made.provider, by);
  const params = await made.provider.readCallback(comeBack(made.opened));
  await auth(made.provider, { ...by, authorizationCode: params.get('code')!, iss: params.get('iss')! });
  const transport = makeTransport(made.provider, web);
  await transport.start();
  for (let i = 0; i < 3; i++) await transport.send({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' });
  const sent = web.to(SERVER);
  assert.deepEqual(
    sent.map(({ headers }) => headers.get('authorization')),
    Array.from({ length: 3 }, () => 'DPoP secret-token-1'),
  );
  assert.equal(new Set(sent.map(({ headers }) => headers.get('dpop'))).size, 3, 'a proof of its own for each');
  assert.doesNotMatch(JSON.stringify(web.asked.map(({ url }) => url)), /secret-/);
});

test('a person comes back to https or to this machine, or no provider is made', async () => {
  for (const redirectUrl of [REDIRECT, 'http://localhost:3000/callback', 'https://host.example/callback'])
    assert.equal((await makeProvider({ redirectUrl })).provider.redirectUrl, redirectUrl);
  for (const redirectUrl of ['http://host.example/callback', 'javascript:alert(1)', 'vscode://x/y', 'http://10.0.0.1/'])
    await assert.rejects(makeProvider({ redirectUrl }), (error: unknown) => {
      assert.ok(error instanceof DAuthError, String(error));
      assert.deepEqual([error.code, error.publicMessage], ['INVALID_REQUEST', PLAIN]);
      return true;
    });
});
