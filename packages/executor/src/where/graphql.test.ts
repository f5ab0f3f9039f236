/** GraphQL rules through both doors: a vendor's client and the reference server over TLS, and what is refused before it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { buildSchema } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';
import { Octokit } from 'octokit';
import type { ConnectionHandle } from '@dauth/protocol';
import { upstreamFor } from '../support/calls.test-support.ts';
import { assertRefused, type Refusal } from '../support/refused.test-support.ts';
import type { Reply } from '../support/door-caller.test-support.ts';
import { SECRET, World } from '../support/room.test-support.ts';
import { detail } from '../support/statements.test-support.ts';
import { serveHttps, TestCa, type TestServer } from '../support/upstreams.test-support.ts';
import type { Upstream } from '../wire/upstream.ts';

const schema = buildSchema(`
  type Query { viewer: String!, secrets: String! }
  type Mutation { deleteAll(sure: Boolean!): Int! }`);
/** What the server did, and with which credential. */
const ran: string[] = [];
const did =
  (what: string) =>
  (_: unknown, { headers }: { headers: Record<string, unknown> }) => {
    ran.push(`${what} ${String(headers.authorization)}`);
    return what === 'deleteAll' ? 1 : 'octocat';
  };

let server: TestServer;
let upstream: Upstream;
let world: World;
let handle: ConnectionHandle;
before(async () => {
  const ca = await TestCa.create();
  const serve = createHandler({
    schema,
    rootValue: { viewer: did('viewer'), secrets: did('secrets'), deleteAll: did('deleteAll') },
    context: (request) => ({ headers: request.raw.headers }),
  });
  server = await serveHttps(await ca.issue([{ type: 'dns', value: 'localhost' }]), (request, response) => {
    if (request.headers.authorization === `Bearer ${SECRET}`) void serve(request, response);
    else response.writeHead(401).end();
  });
  upstream = upstreamFor(ca.pem);
  world = await World.open({ upstream: () => upstream });
  handle = await world.connect({ allow: [rule({ operations: ['query'], names: ['Who'], fields: ['viewer'] })] });
});
after(async () => {
  await world[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const rule = (graphql: object) => ({ origin: server.origin, methods: ['GET', 'POST'], paths: ['/graphql'], graphql });
const tokenFor = (of: ConnectionHandle): string =>
  world.token(of, {
    authorization_details: [detail(of, { locations: [server.origin], actions: ['GET /graphql', 'POST /graphql'] })],
  });

function streamed(body: string, of = handle, target = '/graphql', type = 'application/json'): Promise<Reply> {
  return world.stream(of, target, { method: 'POST', headers: ['Content-Type', type], body, token: tokenFor(of) });
}

const buffered = (request: object, of = handle): Promise<Reply> =>
  world.dispatch(of, { method: 'POST', path: '/graphql', ...request }, tokenFor(of));
const asked = (query: string, more: object = {}): string => JSON.stringify({ query, ...more });

/** GitHub's own client, its requests sent through the executor. */
const octokit = (of: ConnectionHandle) =>
  new Octokit({
    baseUrl: server.origin,
    retry: { enabled: false },
    request: {
      fetch: async (_url: string, { body }: { body: string }) => {
        const { status, text, headers } = await streamed(body, of);
        return new Response(text, { status, headers: { 'content-type': headers['content-type'] ?? '' } });
      },
    },
  });

test('a GraphQL client of a vendor asks the reference server, and what it asks arrives octet for octet', async () => {
  const before = ran.length;
  assert.deepEqual(await octokit(handle).graphql('query Who { viewer }'), { viewer: 'octocat' });
  const reply = await world.stream(handle, `/graphql?query=${encodeURIComponent('query Who{viewer}')}`, {
    headers: ['Accept', 'application/json'],
    token: tokenFor(handle),
  });
  assert.deepEqual(reply.json, { data: { viewer: 'octocat' } });
  assert.equal((await buffered({ body: { query: 'query Who { viewer }' } })).json.success, true);
  assert.deepEqual(ran.slice(before), Array(3).fill(`viewer Bearer ${SECRET}`));
});

test('[dispatch.bound] a GraphQL client of a vendor does not reach what the rule does not list', async () => {
  for (const query of ['mutation Who { deleteAll(sure: true) }', 'query Who { secrets }', 'query Other { viewer }']) {
    const before = ran.length;
    await assert.rejects(octokit(handle).graphql(query), { status: 403 });
    assert.equal(ran.length, before);
  }
});

test('a credential that the GraphQL server does not take is refused by it', async () => {
  const inject = [{ in: 'header', name: 'x-other', value: '{token}' }];
  const wrong = await world.connect({ allow: [rule({ operations: ['query'] })], inject });
  assert.equal((await streamed(asked('query Who { viewer }'), wrong)).status, 401);
});

const DENIED: Refusal = { code: 'POLICY_DENIED', says: /does not allow this request with this body/, step: 4 };
for (const [what, body] of [
  ['a mutation', asked('mutation Who { deleteAll(sure: true) }')],
  [
    'a mutation beside the query',
    asked('query Who { viewer } mutation B { deleteAll(sure: true) }', { operationName: 'Who' }),
  ],
  [
    'a mutation behind a string that ends elsewhere',
    asked('query Who { viewer } # """\nmutation Who2 { deleteAll(sure: true) } # """'),
  ],
  ['a listed field as the alias of another one', asked('query Who { viewer: secrets }')],
  ['a fragment with another field', asked('query Who { ...F } fragment F on Query { secrets }')],
  ['a batch', `[${asked('query Who { viewer }')}]`],
  ['a hash', '{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}'],
  ['no operation', asked('fragment F on Query { viewer }')],
] as const) {
  test(`[dispatch.bound] a GraphQL rule refuses ${what} at both doors, before anything is opened`, async () => {
    await assertRefused(world, () => streamed(body), DENIED);
    await assertRefused(world, () => buffered({ body: JSON.parse(body) as object }), DENIED);
  });
}

test('[dispatch.bound] a GraphQL rule refuses what says itself twice, and bodies that are no JSON', async () => {
  const twice = '{"query":"query Who { viewer }","query":"mutation Who { deleteAll(sure: true) }"}';
  await assertRefused(world, () => streamed(twice), { code: 'INVALID_REQUEST', step: 4 });
  const beside = '/graphql?query=mutation+Who{deleteAll(sure:true)}';
  await assertRefused(world, () => streamed(asked('query Who { viewer }'), handle, '/graphql?operationName=B'), DENIED);
  await assertRefused(world, () => world.stream(handle, encodeURI(beside), { token: tokenFor(handle) }), {
    code: 'POLICY_DENIED',
    step: 4,
  });
  const text = () => streamed('query Who { viewer }', handle, '/graphql', 'application/graphql');
  await assertRefused(world, text, { code: 'POLICY_DENIED', says: /JSON body/, step: 4 });
  const none = () => world.stream(handle, '/graphql', { method: 'POST', token: tokenFor(handle) });
  await assertRefused(world, none, { code: 'POLICY_DENIED', says: /JSON body/, step: 4 });
});
