/** A second foreign client at the authority: openid-client, unmodified, with a pushed request, a person, DPoP and refresh. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as openid from 'openid-client';
import { Person } from '../support/person.ts';
import { makeTempDir } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';

const RESOURCE = 'https://mcp.example/mcp';
const REDIRECT = 'http://127.0.0.1:3000/callback';
const ADA = { login: 'ada', password: 'a horse that counts to seven' };
/** The stack of the tests is on loopback, without TLS. */
const LOCAL: openid.DiscoveryRequestOptions = { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] };

describe('openid-client against the authority', { timeout: 180_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let stack: Stack;
  let keys: Awaited<ReturnType<typeof openid.randomDPoPKeyPair>>;
  let clientId: string;
  before(async () => {
    dir = await makeTempDir();
    stack = await startStack({ dir: dir.path });
    await new Person(stack.ready.authority).setUp(stack.ready.first_run!, ADA);
    keys = await openid.randomDPoPKeyPair('ES256', { extractable: true });
    const jwk = join(dir.path, 'foreign.jwk');
    await writeFile(jwk, JSON.stringify(await crypto.subtle.exportKey('jwk', keys.publicKey)));
    const scope = ['--scope', 'mcp:use'];
    await stack.dauth(['servers', 'add', '--resource', RESOURCE, '--generate', join(dir.path, 'server.jwk'), ...scope]);
    const grants = ['--grant', 'authorization_code', '--grant', 'refresh_token', '--redirect-uri', REDIRECT];
    const add = ['clients', 'add', '--name', 'foreign', '--jwk', jwk, ...grants, ...scope];
    ({ client_id: clientId } = await stack.dauth<{ client_id: string }>(add));
  });
  after(async () => {
    await stack?.stop();
    await dir?.[Symbol.asyncDispose]();
  });

  const discover = () => {
    const authentication = openid.PrivateKeyJwt(keys.privateKey);
    return openid.discovery(new URL(stack.ready.authority), clientId, {}, authentication, LOCAL);
  };
  const errorOf = (answer: Promise<unknown>): Promise<string> =>
    answer.then(
      () => 'given',
      (error: unknown) => (error as openid.ResponseBodyError).error,
    );

  test('it pushes its request, redeems the code for a bound token, refreshes it, and sees an old refresh token end it all', async () => {
    const config = await discover();
    const DPoP = openid.getDPoPHandle(config, keys);
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const expectedState = openid.randomState();
    const parameters = {
      redirect_uri: REDIRECT,
      scope: 'mcp:use',
      resource: RESOURCE,
      state: expectedState,
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    };
    const address = await openid.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
    assert.deepEqual([...address.searchParams.keys()].sort(), ['client_id', 'request_uri']);
    const { back } = await new Person(stack.ready.authority).allow(address, ADA);
    assert.equal(back.searchParams.get('iss'), stack.ready.authority);

    const checks = { pkceCodeVerifier, expectedState };
    const first = await openid.authorizationCodeGrant(config, back, checks, {}, { DPoP });
    assert.deepEqual([first.token_type, first.scope], ['dpop', 'mcp:use']);
    const second = await openid.refreshTokenGrant(config, first.refresh_token!, {}, { DPoP });
    assert.equal(second.token_type, 'dpop');
    assert.notEqual(second.refresh_token, first.refresh_token);
    assert.notEqual(second.access_token, first.access_token);

    const again = (token: string) => errorOf(openid.refreshTokenGrant(config, token, {}, { DPoP }));
    assert.equal(await again(first.refresh_token!), 'invalid_grant', 'a token that was used');
    assert.equal(await again(second.refresh_token!), 'invalid_grant', 'and the one that came of it');
  });

  test('a code is of no use with another key, and an answer with another state is not taken', async () => {
    const config = await discover();
    const DPoP = openid.getDPoPHandle(config, keys);
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const parameters = {
      redirect_uri: REDIRECT,
      resource: RESOURCE,
      scope: 'mcp:use',
      state: 'mine',
      prompt: 'consent',
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    };
    const address = await openid.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
    const { back } = await new Person(stack.ready.authority).allow(address, ADA);
    const other = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'));
    const redeem = (handle: openid.DPoPHandle, expectedState: string) =>
      openid.authorizationCodeGrant(config, back, { pkceCodeVerifier, expectedState }, {}, { DPoP: handle });
    await assert.rejects(redeem(DPoP, 'theirs'), { code: 'OAUTH_INVALID_RESPONSE' });
    assert.equal(await errorOf(redeem(other, 'mine')), 'invalid_grant');
    assert.equal((await redeem(DPoP, 'mine')).token_type, 'dpop', 'control');
  });
});
