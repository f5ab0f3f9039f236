/** A foreign client, unmodified, through the whole authorization code flow: what it checks of a server, it checks of ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { Browser, signedIn } from '../people/browser.test-support.ts';
import { addServer, ISSUER, makeWorld, MCP } from '../world.test-support.ts';
import { ledTo, addApp, addConnection, answer, CALLBACK } from './consent.test-support.ts';

/** What it hands to `fetch`, of every request alike. */
interface Sent {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: URLSearchParams | undefined;
}

for (const pushes of [true, false])
  test(`oauth4webapi gets a person's tokens ${pushes ? 'by a pushed request' : 'by its address'}, and refreshes them`, async () => {
    const world = await makeWorld();
    // Its clock is the real one, and so is what it checks.
    world.clock.now = Math.floor(Date.now() / 1_000);
    await addServer(world);
    const app = addApp(world);
    const { handle } = addConnection(world);
    const options = {
      [oauth.customFetch]: (url: string, init: Sent) =>
        Promise.resolve(world.app.request(url.slice(ISSUER.length), init as RequestInit)),
    };
    const issuer = new URL(ISSUER);
    const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options });
    const as = await oauth.processDiscoveryResponse(issuer, discovered);
    const client: oauth.Client = { client_id: app.id };
    const keys = await oauth.generateKeyPair('ES256');
    const DPoP = oauth.DPoP(client, keys);
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const parameters = new URLSearchParams({
      ...{ response_type: 'code', client_id: app.id, redirect_uri: CALLBACK, state, resource: MCP },
      ...{ code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' },
      ...{ scope: 'mcp:read profile offline_access', prompt: 'consent' },
      authorization_details: JSON.stringify([{ type: 'dauth_connection', identifier: handle }]),
    });
    let query = parameters;
    if (pushes) {
      const response = await oauth.pushedAuthorizationRequest(as, client, oauth.None(), parameters, {
        ...options,
        DPoP,
      });
      const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, response);
      query = new URLSearchParams({ client_id: app.id, request_uri });
    }
    const browser: Browser = signedIn(world);
    const flow = { world, app, browser };
    await browser.go(`${as.authorization_endpoint!.slice(ISSUER.length)}?${query.toString()}`);
    const back = new URL(ledTo(await answer(flow))!);
    const validated = oauth.validateAuthResponse(as, client, back, state);
    const exchanged = await oauth.authorizationCodeGrantRequest(
      ...([as, client, oauth.None(), validated, CALLBACK, verifier] as const),
      { ...options, DPoP, additionalParameters: { resource: MCP } },
    );
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, exchanged);
    assert.deepEqual([tokens.token_type, tokens.scope], ['dpop', 'mcp:read profile']);
    const refreshed = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token!, {
      ...options,
      DPoP,
    });
    const again = await oauth.processRefreshTokenResponse(as, client, refreshed);
    assert.notEqual(again.refresh_token, tokens.refresh_token);
    let shown: Request | undefined;
    await oauth.protectedResourceRequest(again.access_token, 'POST', new URL(MCP), undefined, null, {
      DPoP,
      [oauth.customFetch]: (url, init) => {
        shown = new Request(url, { method: init.method, headers: init.headers });
        return Promise.resolve(new Response());
      },
    });
    const claims = await oauth.validateJwtAccessToken(as, shown!, MCP, { requireDPoP: true, ...options });
    assert.deepEqual([claims.sub, claims.name, claims.client_id], ['ada', 'Ada Lovelace', app.id]);
    assert.equal((claims.authorization_details as { identifier: string }[])[0]?.identifier, handle);
  });
