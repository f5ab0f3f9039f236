/**
 * A host as it is written with the official SDK alone: its client, its transport, and an `OAuthClientProvider` of a few variables
 * with the SDK's own DPoP. It knows the URL of a server; nothing of DAuth is in it. Both protocol eras and both ways to register.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  auth,
  Client,
  DpopSession,
  StreamableHTTPClientTransport,
  UnauthorizedError,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
} from '@modelcontextprotocol/client';
import { decodeJwt } from 'jose';
import { type ERAS, REDIRECT } from '../support/host.ts';
import { ADA, publishClient, startHostWorld, type Published } from '../support/host-world.ts';
import { Person } from '../support/person.ts';
import { makeTempDir } from '../support/process.ts';
import type { World } from '../world/world.ts';

const METADATA = {
  client_name: 'Stock host',
  redirect_uris: [REDIRECT],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
};

describe('a host with nothing of DAuth in it', { timeout: 180_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let world: World;
  let issuer: string;
  let document: Published;
  before(async () => {
    dir = await makeTempDir();
    world = await startHostWorld(dir.path);
    issuer = world.stack.ready.authority;
    document = await publishClient(world, METADATA);
  });
  after(async () => {
    document?.[Symbol.dispose]();
    await world?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  function makeStockHost(era: (typeof ERAS)[number], more: Pick<OAuthClientProvider, 'clientMetadataUrl'>) {
    let known: StoredOAuthClientInformation | undefined;
    let stored: StoredOAuthTokens | undefined;
    let verifier = '';
    let opened: URL | undefined;
    let found: OAuthDiscoveryState | undefined;
    const session = DpopSession.create();
    const provider: OAuthClientProvider = {
      ...more,
      redirectUrl: REDIRECT,
      clientMetadata: METADATA,
      clientInformation: () => known,
      saveClientInformation: (client) => void (known = client),
      tokens: () => stored,
      saveTokens: (tokens) => void (stored = tokens),
      redirectToAuthorization: (url) => void (opened = url),
      saveCodeVerifier: (value) => void (verifier = value),
      codeVerifier: () => verifier,
      dpop: () => session,
      saveDiscoveryState: (state) => void (found = state),
      discoveryState: () => found,
      invalidateCredentials: (what) => {
        if (what === 'all' || what === 'tokens') stored = undefined;
        if (what === 'all' || what === 'client') known = undefined;
        if (what === 'all' || what === 'discovery') found = undefined;
      },
    };
    const questions: string[] = [];
    const options = era === 'modern' ? { versionNegotiation: { mode: { pin: '2026-07-28' } } } : {};

    /** One tool call; where the SDK wants a person first, the person comes once. */
    async function call(name: string, args: Record<string, unknown> = {}): Promise<string> {
      for (let left = 1; ; left--) {
        const transport = new StreamableHTTPClientTransport(new URL(world.resource), { authProvider: provider });
        const client = new Client({ name: 'stock', version: '1.0.0' }, options);
        try {
          await client.connect(transport);
          const { content, isError } = await client.callTool({ name, arguments: args });
          const text = content.map((each) => (each.type === 'text' ? each.text : '')).join('');
          return isError === true ? `refused: ${text}` : text;
        } catch (error) {
          if (!(error instanceof UnauthorizedError) || left === 0) throw error;
          const { question, back } = await new Person(issuer).allow(opened!, ADA);
          questions.push(question.html);
          await transport.finishAuth(back.searchParams);
        } finally {
          await client.close();
        }
      }
    }
    return { provider, call, questions, session, tokens: () => stored!, clientId: () => known?.client_id };
  }

  // Each way in one era: test/e2e/host.test.ts has them all, with `mcpProvider`.
  for (const [what, era, more, told] of [
    [
      'is described by a document',
      'modern',
      () => ({ clientMetadataUrl: document.clientId }),
      /published by <code>localhost/,
    ],
    ['registers itself', 'legacy', () => ({}), /Stock host[^]*not verified/],
  ] as const)
    test(`[token.bound] one that ${what} gets bound tokens, calls, steps up, refreshes and is revoked (${era} era)`, async () => {
      const host = makeStockHost(era, more());
      assert.equal(await host.call('my_login'), world.upstream.login);
      assert.match(host.questions[0]!, told);
      const { thumbprint } = await host.session;
      const first = decodeJwt(host.tokens().access_token);
      assert.deepEqual([host.tokens().token_type, first.cnf], ['DPoP', { jkt: thumbprint }]);
      assert.deepEqual([first.scope, first.aud, first.client_id], ['mcp:use', world.resource, host.clientId()]);

      const title = `by one that ${what}, ${era}`;
      const issue = JSON.parse(await host.call('create_issue', { repo: 'hello-world', title })) as { title: string };
      assert.equal(issue.title, title);
      assert.equal(host.questions.length, 2, 'one question, and one for the scope that was missing');
      const stepped = host.tokens();
      assert.deepEqual(stepped.scope?.split(' ').sort(), ['issues:write', 'mcp:use']);

      assert.equal(await auth(host.provider, { serverUrl: world.resource }), 'AUTHORIZED');
      const refreshed = host.tokens();
      assert.notEqual(refreshed.refresh_token, stepped.refresh_token);
      assert.deepEqual(decodeJwt(refreshed.access_token).cnf, { jkt: thumbprint });
      assert.equal(await host.call('my_login'), world.upstream.login);

      const { grant_id } = decodeJwt(refreshed.access_token) as { grant_id: string };
      await world.stack.dauth(['grants', 'rm', grant_id]);
      await sleep(1_000);
      assert.match(await host.call('my_login'), /^refused: .*revoked/);
      assert.equal(await auth(host.provider, { serverUrl: world.resource }), 'REDIRECT', 'the person is asked again');
    });
});
