/** The provider under the SDK's own OAuth client: what it asks, of whom, what it refuses, and what it remembers for whom. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import {
  auth,
  AuthorizationServerMismatchError,
  DpopSession,
  RegistrationRejectedError,
  type OAuthClientProvider,
} from '@modelcontextprotocol/client';
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { generateKey } from './key.ts';
import { mcpProvider } from './provider.ts';
import {
  comeBack,
  ISSUER,
  issuerAnswers,
  makeProvider,
  makeWeb,
  metadataOf,
  REDIRECT,
  resourceAnswers,
  SERVER,
  type Web,
} from './provider.test-support.ts';

const refused = (code: string, sentence: string) => (error: unknown) => {
  assert.ok(error instanceof DAuthError, String(error));
  assert.deepEqual([error.code, error.publicMessage], [code, sentence]);
  assert.doesNotMatch(JSON.stringify([error.message, error.stack, error]), /secret-/);
  return true;
};
const OTHER = 'https://other.example';
const NOT_OURS = 'The answer does not belong to a redirect of this client. Start again from the MCP client.';
const NOT_ASKED = 'The answer does not come from the authorization server that was asked, so its code is not redeemed.';
const form = (body: string): Record<string, string> => Object.fromEntries(new URLSearchParams(body));
const start = (provider: OAuthClientProvider, web: Web, scope?: string) =>
  auth(provider, { serverUrl: SERVER, fetchFn: web.send, ...(scope === undefined ? {} : { scope }) });

/** Redeems what the person came back with. */
async function finish(
  { provider, opened }: Awaited<ReturnType<typeof makeProvider>>,
  web: Web,
  over: Readonly<Record<string, string | undefined>> = {},
) {
  const params = await provider.readCallback(comeBack(opened, over));
  const iss = params.get('iss') ?? undefined;
  const authorizationCode = params.get('code')!;
  return auth(provider, { serverUrl: SERVER, fetchFn: web.send, authorizationCode, ...(iss ? { iss } : {}) });
}

test('a provider is what the SDK calls an OAuthClientProvider', async () => {
  const options = { server: SERVER, key: await generateKey(), DpopSession, redirectUrl: REDIRECT };
  const provider: OAuthClientProvider = mcpProvider({ ...options, redirectToAuthorization: () => {} });
  assert.ok((await provider.dpop?.()) instanceof DpopSession);
});

test('[token.bound] it registers, sends the person with PKCE, resource, key and wishes, and redeems the code for a bound token', async () => {
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER) });
  const key = await generateKey();
  const wish = [{ type: 'dauth_connection', name: 'github' }];
  const made = await makeProvider({ key, authorizationDetails: wish, metadata: { client_name: 'Host' } });
  assert.equal(await start(made.provider, web), 'REDIRECT');
  const said = JSON.parse(web.to(`${ISSUER}/register`)[0]!.body);
  assert.deepEqual([said.client_name, said.redirect_uris, said.application_type], ['Host', [REDIRECT], 'native']);
  assert.equal(said.dpop_bound_access_tokens, true);
  const { state, code_challenge, ...asked } = Object.fromEntries(made.opened[0]!.searchParams);
  assert.match(state!, /^[\w-]{43}$/);
  assert.match(code_challenge!, /^[\w-]{43}$/);
  assert.deepEqual(asked, {
    response_type: 'code',
    client_id: 'auth.example-1',
    code_challenge_method: 'S256',
    redirect_uri: REDIRECT,
    scope: 'mcp:use',
    resource: SERVER,
    dpop_jkt: key.jkt,
    authorization_details: JSON.stringify(wish),
  });

  assert.equal(await finish(made, web), 'AUTHORIZED');
  const [{ headers, body }] = web.to(`${ISSUER}/token`) as [(typeof web.asked)[number]];
  const { code_verifier, ...redeemed } = form(body);
  assert.match(code_verifier!, /^[\w.~-]{43,}$/);
  assert.deepEqual(redeemed, {
    grant_type: 'authorization_code',
    code: 'secret-code',
    redirect_uri: REDIRECT,
    client_id: 'auth.example-1',
    resource: SERVER,
  });
  const proof = headers.get('dpop')!;
  assert.equal(await calculateJwkThumbprint(decodeProtectedHeader(proof).jwk!), key.jkt);
  assert.equal(decodeJwt(proof).htu, `${ISSUER}/token`);
  assert.equal((await made.provider.tokens())?.access_token, 'secret-token-1');
  const hosts = new Set(web.asked.map(({ url }) => new URL(url).origin));
  assert.deepEqual([...hosts], ['https://mcp.example', ISSUER], 'nobody else was asked');
});

test('a registration that is refused is an error that says why, and nobody is sent anywhere', async () => {
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER) });
  const why = { error: 'invalid_redirect_uri', error_description: 'Not this way back.' };
  web.answers[`${ISSUER}/register`] = () => Response.json(why, { status: 400 });
  const made = await makeProvider();
  await assert.rejects(start(made.provider, web), (error: unknown) => {
    assert.ok(error instanceof RegistrationRejectedError, String(error));
    return /Not this way back\./.test(`${error.message} ${JSON.stringify(error)}`);
  });
  assert.deepEqual([made.opened, web.to(`${ISSUER}/token`)], [[], []]);
});

test('a client metadata document is used where the server reads them, and a registration where it does not', async () => {
  const clientId = 'https://host.example/client.json';
  for (const reads of [true, false]) {
    const over = { client_id_metadata_document_supported: reads };
    const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER, over) });
    const made = await makeProvider({ clientId });
    await start(made.provider, web);
    await finish(made, web);
    const expected = reads ? clientId : 'auth.example-1';
    assert.equal(made.opened[0]!.searchParams.get('client_id'), expected);
    assert.equal(form(web.to(`${ISSUER}/token`)[0]!.body).client_id, expected);
  }
});

test('[token.bound] credentials stay with the issuer they came from: a server that moves to another one gets none of them', async () => {
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER), ...issuerAnswers(OTHER) });
  const made = await makeProvider();
  await start(made.provider, web);
  await finish(made, web);
  Object.assign(web.answers, resourceAnswers({ authorization_servers: [OTHER] }));
  web.asked.length = 0;
  assert.equal(await start(made.provider, web), 'REDIRECT');
  assert.equal(made.opened.at(-1)!.searchParams.get('client_id'), 'other.example-1');
  await finish(made, web, { iss: OTHER });
  assert.doesNotMatch(JSON.stringify(web.asked.map(({ body }) => body)), /auth\.example-1|secret-refresh/);
  // And back: what is held for the first issuer is still its own.
  assert.equal((await made.provider.clientInformation({ issuer: ISSUER }))?.client_id, 'auth.example-1');
  assert.equal((await made.provider.tokens({ issuer: ISSUER }))?.issuer, ISSUER);
  assert.equal((await made.provider.tokens())?.issuer, OTHER);
});

test('[token.bound] a registered client is shown to its own issuer only', async () => {
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER) });
  const made = await makeProvider({ clientId: 'host', issuer: OTHER, clientSecret: 'secret-of-host' });
  await assert.rejects(start(made.provider, web), AuthorizationServerMismatchError);
  assert.deepEqual([made.opened, web.to(`${ISSUER}/register`), web.to(`${ISSUER}/token`)], [[], [], []]);
});

test('[token.bound] tokens are of one server and one key: another provider on the same storage has none', async () => {
  const storage = new Map<string, string>();
  const key = await generateKey();
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER) });
  const made = await makeProvider({ storage, key });
  await start(made.provider, web);
  await finish(made, web);
  const other = { server: 'https://mcp.example/other', key, storage };
  assert.equal(await (await makeProvider(other)).provider.tokens(), undefined, 'another server');
  assert.equal(await (await makeProvider({ storage })).provider.tokens(), undefined, 'another key');
  const again = await makeProvider({ storage, key });
  assert.equal((await again.provider.tokens())?.access_token, 'secret-token-1', 'control: after a restart');
});

test('no PKCE, or no word about it, and nobody is registered, sent or asked', async () => {
  const NO_S256 = 'The authorization server does not say that it checks PKCE with S256.';
  for (const methods of [undefined, [], ['plain']]) {
    const web = makeWeb({
      ...resourceAnswers(),
      ...issuerAnswers(ISSUER, { code_challenge_methods_supported: methods }),
    });
    const made = await makeProvider();
    await assert.rejects(start(made.provider, web), refused('POLICY_DENIED', NO_S256));
    assert.deepEqual([made.opened, web.to(`${ISSUER}/register`)], [[], []]);
  }
  const web = makeWeb(resourceAnswers());
  await assert.rejects(
    start((await makeProvider()).provider, web),
    refused(
      'POLICY_DENIED',
      'The authorization server of this MCP server publishes no metadata, so nothing says that it checks PKCE.',
    ),
  );
});

test('an address that is dangerous to open is not opened', async () => {
  for (const authorization_endpoint of [
    ...['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'vscode://x/y', 'mailto:a@b.example'],
    ...['http://auth.example/authorize', 'https://auth.example@evil.example/authorize', 'https://:p@evil.example/'],
  ]) {
    const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER, { authorization_endpoint }) });
    const made = await makeProvider();
    await assert.rejects(start(made.provider, web), authorization_endpoint);
    assert.deepEqual(made.opened, [], authorization_endpoint);
    // What the SDK's own schema stops above is stopped here too.
    await assert.rejects(
      made.provider.redirectToAuthorization(new URL(authorization_endpoint)),
      /Plain http is only for a loopback address|hides its host behind a user name/,
    );
    assert.deepEqual(made.opened, [], authorization_endpoint);
  }
});

test('an answer counts only for the redirect that is open and from the issuer that was asked, byte for byte', async () => {
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER) });
  const made = await makeProvider();
  const { provider, opened } = made;
  const closed = refused('UNAUTHENTICATED', 'No redirect is open. Start again from the MCP client.');
  await assert.rejects(provider.readCallback(`${REDIRECT}?code=x&state=y`), closed);
  await start(provider, web);
  for (const state of [undefined, '', 'other', `${opened[0]!.searchParams.get('state')}x`])
    await assert.rejects(provider.readCallback(comeBack(opened, { state })), refused('UNAUTHENTICATED', NOT_OURS));
  for (const twice of ['code', 'state', 'iss', 'error'])
    await assert.rejects(
      provider.readCallback(`${comeBack(opened, { error: 'x' })}&${twice}=x`),
      refused('UNAUTHENTICATED', NOT_OURS),
      twice,
    );
  for (const iss of [undefined, '', OTHER, `${ISSUER}/`, 'https://AUTH.example', `${ISSUER}:443`])
    for (const more of [{}, { code: undefined, error: 'access_denied' }])
      await assert.rejects(
        provider.readCallback(comeBack(opened, { iss, ...more })),
        refused('UNAUTHENTICATED', NOT_ASKED),
      );
  assert.equal((await provider.readCallback(comeBack(opened))).get('code'), 'secret-code', 'control');
  await finish(made, web);
  await assert.rejects(provider.readCallback(comeBack(opened)), closed, 'a second time');
});

test('a server that does not promise an `iss` may leave it out, and may not send a wrong one', async () => {
  const over = { authorization_response_iss_parameter_supported: undefined };
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER, over) });
  const { provider, opened } = await makeProvider();
  await start(provider, web);
  await assert.rejects(provider.readCallback(comeBack(opened, { iss: OTHER })), refused('UNAUTHENTICATED', NOT_ASKED));
  assert.equal((await provider.readCallback(comeBack(opened, { iss: undefined }))).get('code'), 'secret-code');
});

test('a redirect that was left open too long is over', async (t) => {
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER) });
  const { provider, opened } = await makeProvider();
  await start(provider, web);
  const now = Date.now();
  let minutes = 9;
  t.mock.method(Date, 'now', () => now + minutes * 60_000);
  assert.ok(await provider.readCallback(comeBack(opened)), 'control');
  minutes = 11;
  await assert.rejects(
    provider.readCallback(comeBack(opened)),
    refused('UNAUTHENTICATED', 'No redirect is open. Start again from the MCP client.'),
  );
});

test('[token.bound] a token that is not bound to the key is not kept, unless the host says that it wants that danger', async () => {
  const token = { token_type: 'Bearer' };
  const sentence = 'The authorization server did not bind the token to this key.';
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER, {}, token) });
  const made = await makeProvider();
  await start(made.provider, web);
  await assert.rejects(finish(made, web), refused('UNAUTHENTICATED', sentence));
  assert.equal(await made.provider.tokens(), undefined);
  const brave = await makeProvider({ dangerouslyAllowBearer: true });
  await start(brave.provider, web);
  await finish(brave, web);
  assert.equal((await brave.provider.tokens())?.token_type, 'Bearer');
});

test('[token.bound] the resource is sent with every request, also where the server has no metadata of its own', async () => {
  const answers = issuerAnswers('https://mcp.example');
  for (const server of ['https://mcp.example', 'https://mcp.example/mcp']) {
    const web = makeWeb(answers);
    const made = await makeProvider({ server: `${server}#part` });
    const options = { serverUrl: server, fetchFn: web.send };
    await auth(made.provider, options);
    assert.equal(made.opened[0]!.searchParams.get('resource'), server);
    const iss = 'https://mcp.example';
    const params = await made.provider.readCallback(comeBack(made.opened, { iss }));
    await auth(made.provider, { ...options, authorizationCode: params.get('code')!, iss });
    await auth(made.provider, options);
    const sent = web.to('https://mcp.example/token').map(({ body }) => form(body));
    assert.deepEqual(
      sent.map(({ grant_type, resource }) => [grant_type, resource]),
      [
        ['authorization_code', server],
        ['refresh_token', server],
      ],
    );
  }
});

test('[token.bound] a resource that is not the server is refused', async () => {
  const { provider } = await makeProvider();
  for (const resource of ['https://mcp.example/other', OTHER, 'https://mcp.example:444/mcp'])
    assert.throws(
      () => provider.saveResourceUrl(resource),
      refused('POLICY_DENIED', 'This fetch is for one resource; its token goes nowhere else.'),
    );
  assert.doesNotThrow(() => provider.saveResourceUrl('https://mcp.example'), 'a part of the resource');
});

test('the scope that was asked for is remembered where the server does not repeat it', async () => {
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER) });
  const made = await makeProvider();
  await start(made.provider, web, 'mcp:use issues:write');
  await finish(made, web);
  assert.equal((await made.provider.tokens())?.scope, 'mcp:use issues:write');
  await start(made.provider, web);
  const held = await made.provider.tokens();
  assert.deepEqual([held?.access_token, held?.scope], ['secret-token-2', 'mcp:use issues:write'], 'refreshed');
});

test('the client authenticates as its issuer asks, and at the token endpoint of its issuer only', async () => {
  const key = await generateKey();
  const registered = { clientId: 'host', issuer: ISSUER, key };
  const ask = async (over: object, methods: string[] | undefined, url = `${ISSUER}/token`) => {
    const { provider } = await makeProvider({ ...registered, ...over });
    const headers = new Headers();
    const params = new URLSearchParams();
    const metadata = metadataOf(ISSUER, { token_endpoint_auth_methods_supported: methods });
    await provider.addClientAuthentication(headers, params, url, metadata as never);
    return { basic: headers.get('authorization'), ...Object.fromEntries(params) } as Record<string, string | null>;
  };
  const secret = { clientSecret: 's-e:c/r+e t' };
  const at = { resource: SERVER };
  assert.deepEqual(await ask({}, ['none']), { basic: null, client_id: 'host', ...at });
  const basic = `Basic ${Buffer.from('host:s-e%3Ac%2Fr%2Be+t').toString('base64')}`;
  for (const methods of [undefined, ['client_secret_post', 'client_secret_basic']])
    assert.deepEqual(await ask(secret, methods), { basic, ...at });
  const post = { basic: null, client_id: 'host', client_secret: secret.clientSecret, ...at };
  assert.deepEqual(await ask(secret, ['client_secret_post']), post);
  assert.deepEqual(await ask(secret, ['none']), { basic: null, client_id: 'host', ...at }, 'no more than is asked for');
  await assert.rejects(
    ask(secret, ['tls_client_auth']),
    refused('POLICY_DENIED', 'The authorization server takes no way of authentication that this client knows.'),
  );
  const { client_assertion } = await ask({ authentication: 'private_key_jwt' }, ['private_key_jwt']);
  const { payload } = await jwtVerify(client_assertion!, key.publicKey, { audience: ISSUER, issuer: 'host' });
  assert.equal(payload.sub, 'host');
  for (const url of [`${OTHER}/token`, `${ISSUER}/other`])
    await assert.rejects(
      ask(secret, undefined, url),
      refused('POLICY_DENIED', 'A client authenticates at the token endpoint of its issuer only.'),
    );
});

test('what was refused is forgotten: client, tokens and redirect, each by its name', async () => {
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER) });
  const made = await makeProvider();
  const { provider, opened } = made;
  await start(provider, web);
  await provider.invalidateCredentials('verifier');
  await assert.rejects(provider.readCallback(comeBack(opened)), DAuthError);
  await start(provider, web);
  await finish(made, web);
  await provider.invalidateCredentials('tokens');
  assert.equal(await provider.tokens(), undefined);
  assert.ok(await provider.clientInformation());
  await provider.invalidateCredentials('client');
  assert.equal(await provider.clientInformation(), undefined);
});

test('a registration for another address to come back to is not used', async () => {
  const storage = new Map<string, string>();
  const web = makeWeb({ ...resourceAnswers(), ...issuerAnswers(ISSUER) });
  for (const [redirectUrl, expected] of [
    [REDIRECT, 'auth.example-1'],
    [REDIRECT, 'auth.example-1'],
    ['http://127.0.0.1:4000/callback', 'auth.example-2'],
  ] as const) {
    const { provider, opened } = await makeProvider({ storage, redirectUrl });
    await start(provider, web);
    assert.equal(opened[0]!.searchParams.get('client_id'), expected);
    await provider.invalidateCredentials('verifier');
  }
});

test('options that contradict each other make no provider', async () => {
  const registered = /known to one issuer/;
  await assert.rejects(makeProvider({ clientId: 'host' }), registered);
  await assert.rejects(makeProvider({ clientId: 'https://host.example' }), registered);
  await assert.rejects(makeProvider({ clientSecret: 'x' }), /belong to a registered client/);
  await assert.rejects(makeProvider({ issuer: ISSUER }), /belong to a registered client/);
  const both = { clientId: 'host', issuer: ISSUER, clientSecret: 'x', authentication: 'none' as const };
  await assert.rejects(makeProvider(both), /authenticates in one way/);
  const PLAIN = 'Plain http is only for a loopback address; use https.';
  await assert.rejects(makeProvider({ server: 'http://mcp.example/mcp' }), refused('INVALID_REQUEST', PLAIN));
  const plain = { clientId: 'host', issuer: 'http://auth.example' };
  await assert.rejects(makeProvider(plain), refused('INVALID_REQUEST', PLAIN));
});

test('a record that cannot be read is one that is not there', async () => {
  const storage = new Map<string, string>();
  for (const text of ['', '{', '"x"', 'null', '1']) {
    storage.set(`dauth current ${SERVER}`, text);
    assert.equal(await (await makeProvider({ storage })).provider.tokens(), undefined);
  }
});
