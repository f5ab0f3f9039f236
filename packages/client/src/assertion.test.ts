/** What an issuer outside says of a client: sent to the authority's token endpoint, with the client's own proof, each time anew. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { createClient } from './client.ts';
import { generateKey } from './key.ts';

const ISSUER = 'https://auth.example';
const RESOURCE = 'https://mcp.example/mcp';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** An authority that gives a token to whoever asks, and notes how. */
async function makeClient(by: { clientId?: string; refusals?: number; life?: number; endpoint?: string }) {
  const key = await generateKey();
  const asked: { form: Record<string, string>; proof: string }[] = [];
  let refusals = by.refusals ?? 0;
  const send = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const { origin, pathname } = new URL(request.url);
    if (origin !== ISSUER) return Response.json({ authorization: request.headers.get('authorization') });
    if (pathname !== '/token')
      return Response.json({ issuer: ISSUER, token_endpoint: by.endpoint ?? `${ISSUER}/token` });
    const form = Object.fromEntries(new URLSearchParams(await request.text()));
    asked.push({ form, proof: request.headers.get('dpop')! });
    if (refusals-- > 0)
      return Response.json({ error: 'use_dpop_nonce' }, { status: 400, headers: { 'dpop-nonce': 'n' } });
    return Response.json({ access_token: 'a', token_type: 'DPoP', expires_in: by.life ?? 300 });
  };
  let said = 0;
  const assertion = () => Promise.resolve(`said.${++said}`);
  const { clientId } = by;
  const client = createClient({ issuer: ISSUER, key, assertion, fetch: send, ...(clientId && { clientId }) });
  return { client, key, asked, said: () => said };
}

test('a workload sends what its platform says, with a proof by its key, and no name or credential of its own', async () => {
  const { client, key, asked } = await makeClient({});
  await client.token({ resource: RESOURCE, scope: ['mcp:use'] });
  const [{ form, proof }] = asked as [(typeof asked)[0]];
  assert.deepEqual(form, { grant_type: JWT_BEARER, assertion: 'said.1', resource: RESOURCE, scope: 'mcp:use' });
  assert.deepEqual(decodeProtectedHeader(proof).jwk, { ...key.jwk });
});

test('a registered client authenticates beside what an identity provider says of its user', async () => {
  const { client, asked } = await makeClient({ clientId: 'agent' });
  await client.token({ resource: RESOURCE });
  const { client_assertion: own, assertion, grant_type: grant } = asked[0]!.form;
  assert.deepEqual([grant, assertion], [JWT_BEARER, 'said.1']);
  const { iss, sub, aud } = decodeJwt(own!);
  assert.deepEqual([iss, sub, aud], ['agent', 'agent', ISSUER]);
});

test('a fetch whose token ends asks for the newest assertion', async () => {
  const { client, asked } = await makeClient({ life: 1 });
  const send = client.fetch({ resource: RESOURCE });
  for (const _ of [1, 2]) assert.deepEqual(await (await send(RESOURCE)).json(), { authorization: 'DPoP a' });
  assert.deepEqual(
    asked.map(({ form }) => form.assertion),
    ['said.1', 'said.2'],
  );
});

test('an authority that wants a nonce gets the same assertion again, in a proof with that nonce', async () => {
  const { client, asked } = await makeClient({ refusals: 1 });
  await client.token({ resource: RESOURCE });
  assert.deepEqual(
    asked.map(({ form, proof }) => [form.assertion, decodeJwt(proof).nonce]),
    [
      ['said.1', undefined],
      ['said.1', 'n'],
    ],
  );
});

test('[token.bound] what is said of a client is not even asked for where it would travel over plain http', async () => {
  const { client, asked, said } = await makeClient({ endpoint: 'http://auth.example/token' });
  await assert.rejects(client.token({ resource: RESOURCE }), (error: unknown) => {
    assert.ok(error instanceof DAuthError, String(error));
    assert.equal(error.publicMessage, 'Plain http is only for a loopback address; use https.');
    return true;
  });
  assert.deepEqual([asked, said()], [[], 0]);
});

test('a client of which nobody says who it is, or that has two sources of tokens, is not made', async () => {
  const of = { issuer: ISSUER, key: await generateKey() };
  assert.throws(
    () => createClient(of),
    new TypeError('A client is registered, or an issuer says who it is: give its `clientId` or its `assertion`.'),
  );
  const tokens = { request: () => Promise.reject(new Error('never asked')) };
  assert.throws(
    () => createClient({ ...of, tokens, assertion: () => 'said' }),
    new TypeError('Tokens come from one place: give `tokens` or `assertion`.'),
  );
});
