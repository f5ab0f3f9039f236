/** A foreign OAuth client and a foreign verifier at the authority: oauth4webapi, unmodified, on both ends. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { makeTempDir } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';

const RESOURCE = 'https://mcp.example/mcp';
/** The stack of the tests is on loopback, without TLS. */
const INSECURE = { [oauth.allowInsecureRequests]: true } as const;

describe('oauth4webapi against the authority', { timeout: 180_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let stack: Stack;
  let as: oauth.AuthorizationServer;
  let client: oauth.Client;
  let keys: Awaited<ReturnType<typeof oauth.generateKeyPair>>;
  before(async () => {
    dir = await makeTempDir();
    stack = await startStack({ dir: dir.path });
    const issuer = new URL(stack.ready.authority);
    const discovery = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...INSECURE });
    as = await oauth.processDiscoveryResponse(new URL(issuer.href), discovery);
    keys = await oauth.generateKeyPair('ES256', { extractable: true });
    const jwk = join(dir.path, 'foreign.jwk');
    await writeFile(jwk, JSON.stringify(await crypto.subtle.exportKey('jwk', keys.publicKey)));
    const scope = ['--scope', 'mcp:use'];
    const at = join(dir.path, 'server.jwk');
    await stack.dauth(['servers', 'add', '--resource', RESOURCE, '--generate', at, ...scope]);
    client = await stack.dauth<oauth.Client>(['clients', 'add', '--name', 'foreign', '--jwk', jwk, ...scope]);
  });
  after(async () => {
    await stack?.stop();
    await dir?.[Symbol.asyncDispose]();
  });

  const ask = async (parameters: Record<string, string>, DPoP?: oauth.DPoPHandle) => {
    const authentication = oauth.PrivateKeyJwt(keys.privateKey);
    const options = { ...INSECURE, ...(DPoP === undefined ? {} : { DPoP }) };
    return oauth.clientCredentialsGrantRequest(as, client, authentication, parameters, options);
  };

  test('it discovers, authenticates with private_key_jwt, and gets a DPoP-bound token that its own verifier takes', async () => {
    const DPoP = oauth.DPoP(client, keys);
    const response = await ask({ resource: RESOURCE, scope: 'mcp:use' }, DPoP);
    const answer = await oauth.processClientCredentialsResponse(as, client, response);
    assert.deepEqual([answer.token_type, answer.scope], ['dpop', 'mcp:use']);
    let shown: Request | undefined;
    await oauth.protectedResourceRequest(answer.access_token, 'POST', new URL(RESOURCE), undefined, null, {
      DPoP,
      [oauth.customFetch]: (url, init) => {
        shown = new Request(url, { method: init.method, headers: init.headers });
        return Promise.resolve(new Response());
      },
    });
    const claims = await oauth.validateJwtAccessToken(as, shown!, RESOURCE, { requireDPoP: true, ...INSECURE });
    assert.deepEqual([claims.aud, claims.client_id, claims.sub], [RESOURCE, client.client_id, client.client_id]);
  });

  test('without a proof, and for a resource that nobody registered, it reads a refusal', async () => {
    const refused = async (response: Promise<Response>) =>
      oauth.processClientCredentialsResponse(as, client, await response).then(
        () => 'given',
        (error: unknown) => (error as oauth.ResponseBodyError).error,
      );
    assert.equal(await refused(ask({ resource: RESOURCE })), 'invalid_dpop_proof');
    const other = { resource: 'https://other.example/mcp' };
    assert.equal(await refused(ask(other, oauth.DPoP(client, keys))), 'invalid_target');
  });
});
