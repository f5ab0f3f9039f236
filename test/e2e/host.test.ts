/**
 * An MCP host that knows a server's URL and nothing else: the official SDK's client, unmodified, with `mcpProvider`. A person
 * signs in and consents on the authority's own pages; everything runs on real sockets, in both protocol eras.
 */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { generateKey, type McpProviderOptions } from '@dauth/client';
import { auth } from '@modelcontextprotocol/client';
import { decodeJwt } from 'jose';
import { ERAS, makeHost, REDIRECT } from '../support/host.ts';
import { Person } from '../support/person.ts';
import { freePort, makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

const ADA = { login: 'ada', password: 'a horse that counts to seven' };

describe('a host that knows only the URL of a server', { timeout: 180_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let world: World;
  let issuer: string;
  let documents: Server | undefined;
  before(async () => {
    dir = await makeTempDir();
    const outside = { ca: [join(dir.path, 'ca.pem')], dangerouslyAllowLoopback: true };
    world = await startWorld({ dir: dir.path, authority: { clients: { registration: 'open' }, outside } });
    const { stack, upstream, resource, token } = world;
    issuer = stack.ready.authority;
    await new Person(issuer).setUp(stack.ready.first_run!, ADA);
    // What the operator sealed is the first person's.
    const where = ['--origin', upstream.origin, '--server', resource, '--method', 'GET', '--method', 'POST'];
    await stack.dauth(['connect', 'github', ...where], token);
  });
  after(async () => {
    documents?.close();
    await world?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** Registered by the operator, without a key of its own. */
  async function registered(): Promise<{ clientId: string; issuer: string }> {
    const grants = ['--grant', 'authorization_code', '--grant', 'refresh_token'];
    const host = ['--name', 'host', '--public', '--redirect-uri', REDIRECT, ...grants];
    const { client_id: clientId } = await world.stack.dauth<{ client_id: string }>(['clients', 'add', ...host]);
    return { clientId, issuer };
  }

  /** Describes itself at an https URL, which is its id. */
  async function published(): Promise<{ clientId: string }> {
    const port = await freePort();
    const clientId = `https://localhost:${port}/client.json`;
    const document = {
      client_id: clientId,
      client_name: 'Published host',
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    };
    const { key, cert } = world.stack.leaf;
    documents = createServer({ key, cert }, (_, res) =>
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document)),
    );
    documents.listen(port);
    await new Promise((resolve) => documents!.once('listening', resolve));
    return { clientId };
  }

  /** A host whose person consents on a browser that nobody signed in with before. */
  async function makeConsented(
    era: (typeof ERAS)[number],
    more: Pick<McpProviderOptions<never>, 'clientId' | 'issuer'>,
  ) {
    const key = await generateKey();
    const visits: Promise<{ question: { html: string }; back: URL }>[] = [];
    const person = async (address: URL): Promise<URL> => {
      const visit = new Person(issuer).allow(address, ADA);
      visits.push(visit);
      return (await visit).back;
    };
    const questions = async () => (await Promise.all(visits)).map(({ question }) => question.html);
    return { key, questions, ...makeHost({ server: world.resource, key, era, person, more }) };
  }

  for (const era of ERAS) {
    test(`[token.bound] it signs a person in, calls tools, steps up, refreshes and is revoked (${era} era)`, async () => {
      const { key, provider, questions, tools, call } = await makeConsented(era, await registered());
      assert.equal(await call('my_login'), world.upstream.login);
      const [question, ...none] = await questions();
      assert.match(question!, /mcp:use/);
      assert.deepEqual(none, [], 'one question');
      const first = await provider.tokens();
      const claims = decodeJwt(first!.access_token) as { sub: string; scope: string; cnf: object; aud: string };
      assert.deepEqual([claims.scope, claims.aud, claims.cnf], ['mcp:use', world.resource, { jkt: key.jkt }]);

      const issue = JSON.parse(await call('create_issue', { repo: 'hello-world', title: `from a host, ${era}` })) as {
        title: string;
      };
      assert.equal(issue.title, `from a host, ${era}`);
      assert.equal((await questions()).length, 2, 'and one for the scope that was missing');
      const stepped = await provider.tokens();
      assert.deepEqual(stepped!.scope?.split(' ').sort(), ['issues:write', 'mcp:use']);
      assert.ok((await tools()).includes('create_issue'));

      assert.equal(await auth(provider, { serverUrl: world.resource }), 'AUTHORIZED');
      const refreshed = await provider.tokens();
      assert.notEqual(refreshed!.access_token, stepped!.access_token);
      assert.notEqual(refreshed!.refresh_token, stepped!.refresh_token);
      assert.equal(await call('my_login'), world.upstream.login);

      const { grant_id } = decodeJwt(refreshed!.access_token) as { grant_id: string };
      await world.stack.dauth(['grants', 'rm', grant_id]);
      assert.equal(await auth(provider, { serverUrl: world.resource }), 'REDIRECT');
      assert.equal((await questions()).length, 3, 'the person is asked again');
      assert.equal(await provider.tokens(), undefined);
    });
  }

  test('[token.bound] a host that describes itself in a document needs no registration', async () => {
    const { clientId } = await published();
    const { key, provider, questions, call } = await makeConsented('modern', { clientId });
    assert.equal(await call('my_login'), world.upstream.login);
    assert.match((await questions())[0]!, /Published host[^]*published by <code>localhost/);
    const claims = decodeJwt((await provider.tokens())!.access_token);
    assert.deepEqual([claims.client_id, claims.cnf], [clientId, { jkt: key.jkt }]);
  });

  test('[token.bound] a host that nobody knows registers itself, and the person is told so', async () => {
    const { key, provider, questions, call } = await makeConsented('modern', {});
    assert.equal(await call('my_login'), world.upstream.login);
    assert.match((await questions())[0]!, /My host[^]*not verified/);
    // A step-up of a client that registered with its first scope.
    assert.match(await call('create_issue', { repo: 'hello-world', title: 'registered itself' }), /registered itself/);
    const claims = decodeJwt((await provider.tokens())!.access_token);
    assert.deepEqual(claims.cnf, { jkt: key.jkt });
    assert.equal(claims.client_id, (await provider.clientInformation())?.client_id);
  });
});
