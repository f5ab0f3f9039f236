/** An identity provider outside, over TLS: its ID-JAG becomes a token at an authority that trusts it, and at no other. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SignJWT } from 'jose';
import * as oauth from 'oauth4webapi';
import { proves } from '../claims.ts';
import { createCa } from '../support/ca.ts';
import { makeTempDir } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';

const RESOURCE = 'https://mcp.example/mcp';
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const INSECURE = { [oauth.allowInsecureRequests]: true } as const;

describe('enterprise-managed authorization', { timeout: 180_000 }, () => {
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
    stack = await startStack({
      dir: dir.path,
      authority: {
        outside: { ca: [root], dangerouslyAllowLoopback: true },
        trustedIssuers: [{ issuer: idp, profile: 'id-jag', ownerPrefix: 'acme:' }],
      },
    });
    const issuer = new URL(stack.ready.authority);
    const discovery = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...INSECURE });
    as = await oauth.processDiscoveryResponse(new URL(issuer.href), discovery);
    const jwk = join(dir.path, 'agent.jwk');
    await writeFile(jwk, JSON.stringify(await crypto.subtle.exportKey('jwk', keys.publicKey)));
    const at = join(dir.path, 'server.jwk');
    await stack.dauth(['servers', 'add', '--resource', RESOURCE, '--generate', at, '--scope', 'mcp:use']);
    client = await stack.dauth<oauth.Client>(['clients', 'add', '--name', 'agent', '--jwk', jwk, '--grant', GRANT]);
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

  test('the metadata of an authority that trusts an identity provider says so', () => {
    assert.ok(as.grant_types_supported!.includes(GRANT));
    assert.deepEqual(as.authorization_grant_profiles_supported, ['urn:ietf:params:oauth:grant-profile:id-jag']);
  });

  proves('token.bound', 'an ID-JAG that a foreign client brings becomes a token for its user, once', async () => {
    const assertion = await idJag();
    const answer = await ask(assertion);
    assert.deepEqual([answer.token_type, answer.scope], ['dpop', 'mcp:use']);
    const claims = JSON.parse(Buffer.from(answer.access_token.split('.')[1]!, 'base64url').toString()) as object;
    assert.deepEqual(
      ['sub', 'aud', 'client_id'].map((name) => Reflect.get(claims, name) as unknown),
      ['acme:ada', RESOURCE, client.client_id],
    );
    await assert.rejects(ask(assertion), { error: 'invalid_grant' });
    assert.deepEqual(asked, ['/.well-known/openid-configuration', '/keys']);
  });

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
