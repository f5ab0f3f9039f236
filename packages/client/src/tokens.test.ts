/** Tokens, proofs and client assertions stay on TLS, on one resource, and bound to one key. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { assertSameResource } from './fetch.ts';
import { createClient } from './client.ts';
import { assertSecure } from './issuer.ts';
import { generateKey } from './key.ts';

const PLAIN = 'Plain http is only for a loopback address; use https.';
const refused = (code: string, sentence: string) => (error: unknown) => {
  assert.ok(error instanceof DAuthError, String(error));
  assert.deepEqual([error.code, error.publicMessage], [code, sentence]);
  return true;
};

/** An authority of answers: path → body. Notes every address that was asked. */
async function makeClient(answers: Readonly<Record<string, object>>, issuer = 'http://127.0.0.1:1') {
  const asked: string[] = [];
  const send = async (input: string | URL | Request): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    asked.push(url.href);
    const body = answers[url.pathname];
    return body === undefined ? new Response(null, { status: 404 }) : Response.json(body);
  };
  return { asked, client: createClient({ issuer, clientId: 'c', key: await generateKey(), fetch: send }) };
}
const metadata = (token_endpoint: string, issuer = 'http://127.0.0.1:1') => ({
  '/.well-known/oauth-authorization-server': { issuer, token_endpoint },
});
const token = (over: object = {}) => ({
  '/token': { access_token: 'a', token_type: 'DPoP', expires_in: 300, scope: 'mcp:use', ...over },
});

test('[token.bound] https goes anywhere, http to this machine only', () => {
  for (const url of [
    'https://a.example',
    'http://localhost:1',
    'http://127.0.0.1',
    'http://127.9.9.9/x',
    'http://[::1]:1',
  ])
    assert.doesNotThrow(() => assertSecure(url), url);
  for (const url of [
    ...['http://a.example', 'http://localhost.evil.example', 'http://127.0.0.1.evil.example', 'http://10.0.0.1'],
    ...['http://0.0.0.0', 'http://[::ffff:127.0.0.1]', 'ftp://127.0.0.1', 'http://user@evil.example/127.0.0.1'],
  ])
    assert.throws(() => assertSecure(url), refused('INVALID_REQUEST', PLAIN), url);
  assert.throws(() => assertSecure('a.example'), refused('INVALID_REQUEST', 'The address of a server is not a URL.'));
});

test('[token.bound] no token is asked for, and no fetch made, for a resource over plain http', async () => {
  const { client, asked } = await makeClient({ ...metadata('http://127.0.0.1:1/token'), ...token() });
  const wanted = { resource: 'http://mcp.example/mcp' };
  await assert.rejects(client.token(wanted), refused('INVALID_REQUEST', PLAIN));
  assert.throws(() => client.fetch(wanted), refused('INVALID_REQUEST', PLAIN));
  assert.deepEqual(asked, []);
});

test('[token.bound] an authority on this machine cannot send the client to a token endpoint over plain http', async () => {
  const { client, asked } = await makeClient({ ...metadata('http://evil.example/token'), ...token() });
  await assert.rejects(client.token({ resource: 'https://mcp.example/mcp' }), refused('INVALID_REQUEST', PLAIN));
  assert.deepEqual(asked, ['http://127.0.0.1:1/.well-known/oauth-authorization-server']);
});

test('[token.bound] a client of an authority over plain http cannot be made', async () => {
  await assert.rejects(makeClient({}, 'http://auth.example'), refused('INVALID_REQUEST', PLAIN));
});

test('[token.bound] a token that is not bound to the key is refused', async () => {
  const resource = 'https://mcp.example/mcp';
  const bound = await makeClient({ ...metadata('http://127.0.0.1:1/token'), ...token() });
  assert.equal((await bound.client.token({ resource })).accessToken, 'a', 'control');
  const bearer = await makeClient({ ...metadata('http://127.0.0.1:1/token'), ...token({ token_type: 'Bearer' }) });
  await assert.rejects(
    bearer.client.token({ resource }),
    refused('UNAUTHENTICATED', 'The authority did not bind the token to this key.'),
  );
});

test('[token.bound] details that are not what this client knows are refused', async () => {
  const details = token({ authorization_details: [{ type: 'dauth_connection', identifier: 'x' }] });
  const { client } = await makeClient({ ...metadata('http://127.0.0.1:1/token'), ...details });
  await assert.rejects(
    client.token({ resource: 'https://mcp.example/mcp' }),
    refused('INTERNAL', 'The authority named connections in a way that this client does not know.'),
  );
});

test('[token.bound] a token goes to its resource and to nothing beside it', async () => {
  const resource = new URL('https://mcp.example/a');
  for (const url of ['https://mcp.example/a', 'https://mcp.example/a/b', 'https://mcp.example/a?x=1'])
    assert.doesNotThrow(() => assertSameResource(new URL(url), resource), url);
  const DENIED = 'This fetch is for one resource; its token goes nowhere else.';
  for (const url of [
    ...[
      'https://mcp.example/',
      'https://mcp.example/ab',
      'https://mcp.example/a/../b',
      'https://mcp.example/a/%2e%2e/b',
    ],
    ...['http://mcp.example/a', 'https://mcp.example:444/a', 'https://evil.example/a', 'https://mcp.example.evil/a'],
  ])
    assert.throws(() => assertSameResource(new URL(url), resource), refused('POLICY_DENIED', DENIED), url);
  const { client, asked } = await makeClient({ ...metadata('http://127.0.0.1:1/token'), ...token() });
  const send = client.fetch({ resource: resource.href });
  await assert.rejects(send('https://evil.example/a'), refused('POLICY_DENIED', DENIED));
  assert.deepEqual(asked, [], 'not even a token was asked for');
});
