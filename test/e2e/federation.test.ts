/**
 * Issuers outside: the ID-JAG of an identity provider, over TLS, and what a platform says of its workload become tokens at an
 * authority that trusts them, and at no other.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createClient, generateKey, importKey } from '@dauth/client';
import { SignJWT } from 'jose';
import * as oauth from 'oauth4webapi';
import { proves } from '../claims.ts';
import { createCa } from '../support/ca.ts';
import { makeTempDir } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';

const RESOURCE = 'https://mcp.example/mcp';
const PLATFORM = 'https://platform.example';
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const INSECURE = { [oauth.allowInsecureRequests]: true } as const;

describe('assertions of issuers outside', { timeout: 180_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let stack: Stack;
  let server: Server;
  let idp: string;
  let as: oauth.AuthorizationServer;
  let client: oauth.Client;
  let keys: Awaited<ReturnType<typeof oauth.generateKeyPair>>;
  let idpKeys: Awaited<ReturnType<typeof oauth.generateKeyPair>>;
  const asked: string[] = [];
  before(async () => {
    dir = await makeTempDir();
    const ca = await createCa();
    idpKeys = await oauth.generateKeyPair('RS256', { extractable: true });
    keys = await oauth.generateKeyPair('ES256', { extractable: true });
    const published = { ...(await crypto.subtle.exportKey('jwk', idpKeys.publicKey)), kid: 'rsa-1', use: 'sig' };
    server = createServer({ ...(await ca.issue(['localhost'])) }, (request, response) => {
      asked.push(request.url!);
      const documents: Record<string, object> = {
        '/.well-known/openid-configuration': { issuer: idp, jwks_uri: `${idp}/keys` },
        '/keys': { keys: [published] },
      };
      const document = documents[request.url!];
      response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(document ?? {}));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    idp = `https://localhost:${(server.address() as AddressInfo).port}`;
    const root = join(dir.path, 'idp-ca.pem');
    await writeFile(root, ca.root);
    const jwk = join(dir.path, 'agent.jwk');
    await writeFile(jwk, JSON.stringify(await crypto.subtle.exportKey('jwk', keys.publicKey)));
    const at = join(dir.path, 'server.jwk');
    // Rules name clients by their ids, so first come the clients.
    const first = await startStack({ dir: dir.path });
    await first.dauth(['servers', 'add', '--resource', RESOURCE, '--generate', at, '--scope', 'mcp:use']);
    client = await first.dauth<oauth.Client>(['clients', 'add', '--name', 'agent', '--jwk', jwk, '--grant', GRANT]);
    await first.stop();
    stack = await startStack({
      dir: dir.path,
      authority: {
        outside: { ca: [root], dangerouslyAllowLoopback: true },
        trustedIssuers: [
          { issuer: idp, profile: 'id-jag', ownerPrefix: 'acme:' },
          {
            ...{ issuer: PLATFORM, profile: 'workload', jwks: { keys: [published] } },
            rules: [
              { subject: 'repo:acme/agent:*', client: client.client_id, resources: [RESOURCE], scopes: ['mcp:use'] },
            ],
          },
        ],
      },
    });
    const issuer = new URL(stack.ready.authority);
    const discovery = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...INSECURE });
    as = await oauth.processDiscoveryResponse(new URL(issuer.href), discovery);
  });
  after(async () => {
    server?.closeAllConnections();
    server?.close();
    await stack?.stop();
    await dir?.[Symbol.asyncDispose]();
  });

  const idJag = (claims: object = {}, by = idpKeys.privateKey) => {
    const now = Math.floor(Date.now() / 1_000);
    const said = { iss: idp, sub: 'ada', aud: as.issuer, client_id: client.client_id, resource: RESOURCE };
    return new SignJWT({ ...said, scope: 'mcp:use', iat: now, exp: now + 120, jti: crypto.randomUUID(), ...claims })
      .setProtectedHeader({ alg: 'RS256', typ: 'oauth-id-jag+jwt', kid: 'rsa-1' })
      .sign(by);
  };
  const ask = async (assertion: string) => {
    const DPoP = oauth.DPoP(client, keys);
    const authentication = oauth.PrivateKeyJwt(keys.privateKey);
    const options = { ...INSECURE, DPoP };
    const answer = await oauth.genericTokenEndpointRequest(as, client, authentication, GRANT, { assertion }, options);
    return oauth.processGenericTokenEndpointResponse(as, client, answer);
  };

  const readToken = (compact: string): Record<string, unknown> => {
    const [, payload] = compact.split('.');
    return JSON.parse(Buffer.from(payload!, 'base64url').toString()) as Record<string, unknown>;
  };

  test('the metadata of an authority that trusts an identity provider says so', () => {
    assert.ok(as.grant_types_supported!.includes(GRANT));
    assert.deepEqual(as.authorization_grant_profiles_supported, ['urn:ietf:params:oauth:grant-profile:id-jag']);
  });

  proves('token.bound', 'an ID-JAG that a foreign client brings becomes a token for its user, once', async () => {
    const assertion = await idJag();
    const answer = await ask(assertion);
    assert.deepEqual([answer.token_type, answer.scope], ['dpop', 'mcp:use']);
    const { sub, aud, client_id } = readToken(answer.access_token);
    assert.deepEqual([sub, aud, client_id], ['acme:ada', RESOURCE, client.client_id]);
    await assert.rejects(ask(assertion), { error: 'invalid_grant' });
    assert.deepEqual(asked, ['/.well-known/openid-configuration', '/keys']);
  });

  test('`createClient` brings an ID-JAG of its user for each token', async () => {
    const key = await importKey({ ...(await crypto.subtle.exportKey('jwk', keys.privateKey)) });
    const [issuer, clientId] = [stack.ready.authority, client.client_id];
    // #region id-jag
    const agent = createClient({ issuer, clientId, key, assertion: () => idJag() });
    // #endregion id-jag
    for (const _ of ['once', 'and again']) {
      const { accessToken } = await agent.token({ resource: RESOURCE });
      const { sub, cnf } = readToken(accessToken);
      assert.deepEqual([sub, cnf], ['acme:ada', { jkt: key.jkt }]);
    }
  });

  proves(
    'token.bound',
    'a workload gets tokens for what its platform says, and nobody with another key does',
    async () => {
      const now = Math.floor(Date.now() / 1_000);
      const said = await new SignJWT({
        iss: PLATFORM,
        sub: 'repo:acme/agent:main',
        aud: as.issuer,
        iat: now,
        exp: now + 120,
      })
        .setProtectedHeader({ alg: 'RS256', kid: 'rsa-1' })
        .sign(idpKeys.privateKey);
      const platformToken = () => Promise.resolve(said);
      const [issuer, key] = [stack.ready.authority, await generateKey()];
      // #region workload
      const agent = createClient({ issuer, key, assertion: () => platformToken() });
      // #endregion workload
      for (const _ of ['once', 'and again']) {
        const { accessToken } = await agent.token({ resource: RESOURCE });
        const { client_id, cnf, scope } = readToken(accessToken);
        assert.deepEqual([client_id, cnf, scope], [client.client_id, { jkt: key.jkt }, 'mcp:use']);
      }
      const thief = createClient({ issuer, key: await generateKey(), assertion: () => said });
      await assert.rejects(thief.token({ resource: RESOURCE }), { oauthError: 'invalid_grant' });
    },
  );

  proves('token.bound', 'an ID-JAG that somebody else signed, or for another client, is refused', async () => {
    const stranger = await oauth.generateKeyPair('RS256');
    await assert.rejects(async () => ask(await idJag({}, stranger.privateKey)), { error: 'invalid_grant' });
    await assert.rejects(async () => ask(await idJag({ client_id: 'operator' })), { error: 'invalid_grant' });
  });

  test('an authority that may fetch from this machine says so when it starts', () => {
    const said = stack.process.stderr();
    assert.match(said, /DEVELOPMENT: the authority takes documents from this machine too/);
    assert.match(said, /"event":"dangerous","switch":"outside\.dangerouslyAllowLoopback"/);
  });
});
