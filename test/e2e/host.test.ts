/**
 * An MCP host that knows a server's URL and nothing else: the official SDK's client, unmodified, with `mcpProvider`. A person
 * signs in and consents on the authority's own pages; everything runs on real sockets, in both protocol eras.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { generateKey, type McpProviderOptions } from '@dauth/client';
import { auth } from '@modelcontextprotocol/client';
import { decodeJwt } from 'jose';
import { ERAS, makeHost, REDIRECT } from '../support/host.ts';
import { ADA, publishClient, startHostWorld, type Published } from '../support/host-world.ts';
import { Person } from '../support/person.ts';
import { makeTempDir } from '../support/process.ts';
import type { World } from '../world/world.ts';

describe('a host that knows only the URL of a server', { timeout: 180_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let world: World;
  let issuer: string;
  const documents: Published[] = [];
  before(async () => {
    dir = await makeTempDir();
    world = await startHostWorld(dir.path);
    issuer = world.stack.ready.authority;
  });
  after(async () => {
    for (const document of documents) document[Symbol.dispose]();
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
    const document = await publishClient(world, {
      client_name: 'Published host',
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    });
    documents.push(document);
    return { clientId: document.clientId };
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

  /** How it comes to have a client id, and what the person is told of it. */
  const WAYS = [
    ['that the operator registered', registered, /<bdi>host<\/bdi>[^]*registered by whoever runs this installation/],
    ['that describes itself in a document', published, /Published host[^]*published by <code>localhost/],
    ['that nobody knows and that registers itself', async () => ({}), /My host[^]*not verified/],
  ] as const;

  for (const era of ERAS) {
    for (const [which, register, told] of WAYS) {
      test(`[token.bound] a host ${which} signs a person in, calls tools, steps up, refreshes and is revoked (${era} era)`, async () => {
        const { key, provider, questions, tools, call } = await makeConsented(era, await register());
        assert.equal(await call('my_login'), world.upstream.login);
        const [question, ...none] = await questions();
        assert.match(question!, told);
        assert.match(question!, /mcp:use/);
        assert.deepEqual(none, [], 'one question');
        const first = decodeJwt((await provider.tokens())!.access_token);
        const clientId = (await provider.clientInformation())?.client_id;
        assert.deepEqual(
          [first.client_id, first.scope, first.aud, first.cnf],
          [clientId, 'mcp:use', world.resource, { jkt: key.jkt }],
        );

        const title = `from a host ${which}, ${era}`;
        const issue = JSON.parse(await call('create_issue', { repo: 'hello-world', title })) as { title: string };
        assert.equal(issue.title, title);
        assert.equal((await questions()).length, 2, 'and one for the scope that was missing');
        const stepped = await provider.tokens();
        assert.deepEqual(stepped!.scope?.split(' ').sort(), ['issues:write', 'mcp:use']);
        assert.ok((await tools()).includes('create_issue'));

        assert.equal(await auth(provider, { serverUrl: world.resource }), 'AUTHORIZED');
        const refreshed = await provider.tokens();
        assert.notEqual(refreshed!.access_token, stepped!.access_token);
        assert.notEqual(refreshed!.refresh_token, stepped!.refresh_token);
        assert.equal(await call('my_login'), world.upstream.login);
        assert.equal((await provider.clientInformation())?.client_id, clientId, 'it is the same client to the end');

        const { grant_id } = decodeJwt(refreshed!.access_token) as { grant_id: string };
        await world.stack.dauth(['grants', 'rm', grant_id]);
        assert.equal(await auth(provider, { serverUrl: world.resource }), 'REDIRECT');
        assert.equal((await questions()).length, 3, 'the person is asked again');
        assert.equal(await provider.tokens(), undefined);
      });
    }
  }
});
