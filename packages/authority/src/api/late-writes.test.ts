/** A caller decides how slowly its body comes in: whatever ends its access in between ends the write, for every writer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dpop, makeSigner, type Signer } from '../signer.test-support.ts';
import {
  addClient,
  addServer,
  callWith,
  claimsOf,
  getToken,
  ISSUER,
  makeWorld,
  MCP,
  type Party,
  type World,
} from '../world.test-support.ts';
import { assertProblem } from '../refused.test-support.ts';
import { seal, submission } from '../sealed.test-support.ts';

const SCOPE = 'dauth:connections.write dauth:grants.write';

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

interface SlowCall {
  /** The handler waits for the body: whatever it checks at the door is checked. */
  readonly waiting: Promise<void>;
  finish(): Promise<Response>;
}

/** A request whose body does not come before `finish`. */
function callSlowly(world: World, key: Signer, token: string, path: string, body: unknown): SlowCall {
  const [begun, sent] = [gate(), gate()];
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        begun.open();
        await sent.opened;
        controller.enqueue(Buffer.from(JSON.stringify(body)));
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const proof = dpop(key, { htm: 'POST', htu: `${ISSUER}${path}`, iat: world.clock.now, token });
  const headers = { authorization: `DPoP ${token}`, dpop: proof, 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: stream, duplex: 'half' as const };
  const answer = Promise.resolve(world.app.request(path, init));
  return {
    waiting: begun.opened,
    finish() {
      sent.open();
      return answer;
    },
  };
}

interface Scene {
  readonly world: World;
  readonly client: Party;
  readonly runner: Party;
  /** A stored connection of the client. */
  readonly handle: string;
  readonly rotation: object;
}

async function makeScene(): Promise<Scene> {
  const world = await makeWorld();
  await addServer(world);
  const [client, runner] = [await addClient(world), await addClient(world)];
  const first = seal(world, client.id, client.key);
  const { access_token } = await getToken(world, client, { resource: ISSUER, scope: SCOPE });
  const stored = await callWith(world, client.key, access_token, 'POST', '/connections', submission(first));
  assert.equal(stored.status, 201);
  const next = seal(world, client.id, client.key, { handle: first.handle, ver: 2 });
  return { world, client, runner, handle: first.handle, rotation: submission(next) };
}

type Write = (scene: Scene) => { readonly path: string; readonly body: object };

const OWNERS: Readonly<Record<string, Write>> = {
  'stores a connection': ({ world, client }) => ({
    path: '/connections',
    body: submission(seal(world, client.id, client.key, { connection: 'second' })),
  }),
  'rotates a connection': ({ handle, rotation }) => ({ path: `/connections/${handle}/rotate`, body: rotation }),
  'gives a grant': ({ runner }) => ({ path: '/grants', body: { client_id: runner.id, resource: MCP } }),
};
const OPERATORS: Readonly<Record<string, Write>> = {
  'registers a client': () => ({ path: '/clients', body: { name: 'late', jwk: makeSigner().jwk } }),
  'registers a server': () => ({
    path: '/servers',
    body: { resource: 'https://late.example/mcp', jwk: makeSigner().jwk },
  }),
  'revokes something': ({ runner }) => ({ path: '/revocations', body: { what: 'client', id: runner.id } }),
};
const WRITES = [
  ...Object.entries(OWNERS).map(([name, write]) => ({ name, write, by: 'client' as const })),
  ...Object.entries(OPERATORS).map(([name, write]) => ({ name, write, by: 'operator' as const })),
];

/** The write's request, held before its body; `id` is the token's. */
async function begin(scene: Scene, by: 'client' | 'operator', write: Write): Promise<{ slow: SlowCall; id: string }> {
  const { world } = scene;
  const party = by === 'operator' ? world.operator : scene.client;
  const scope = by === 'operator' ? 'dauth:admin' : SCOPE;
  const { access_token } = await getToken(world, party, { resource: ISSUER, scope });
  const { path, body } = write(scene);
  const slow = callSlowly(world, party.key, access_token, path, body);
  await slow.waiting;
  return { slow, id: String(claimsOf(access_token).jti) };
}

for (const { name, write, by } of WRITES) {
  test(`[revoke.fast] a caller revoked while its body comes in no longer ${name}`, async () => {
    const scene = await makeScene();
    const { store, clock } = scene.world;
    const { slow, id } = await begin(scene, by, write);
    store.transaction(() => store.changes.revoke('token', id, clock.now));
    const before = [store.changes.revision(), store.audit.operations(100)];
    await assertProblem(await slow.finish(), 401, 'UNAUTHENTICATED', /^This access was revoked\.$/);
    assert.deepEqual([store.changes.revision(), store.audit.operations(100)], before);
  });

  test(`[token.bound] a caller whose token ends while its body comes in no longer ${name}`, async () => {
    const scene = await makeScene();
    const { store, clock } = scene.world;
    const { slow } = await begin(scene, by, write);
    const before = [store.changes.revision(), store.audit.operations(100)];
    clock.now += 305;
    await assertProblem(await slow.finish(), 401, 'UNAUTHENTICATED', /^The access token has expired\.$/);
    assert.deepEqual([store.changes.revision(), store.audit.operations(100)], before);
  });

  test(`a caller that is let be ${name}, however slowly`, async () => {
    const scene = await makeScene();
    const { slow } = await begin(scene, by, write);
    const before = scene.world.store.audit.operations(100).length;
    assert.ok((await slow.finish()).ok);
    assert.equal(scene.world.store.audit.operations(100).length, before + 1);
  });
}

test('[revoke.fast] a caller revoked while the executor tries its credential no longer stores it', async () => {
  const { world, client } = await makeScene();
  const { access_token } = await getToken(world, client, { resource: ISSUER, scope: SCOPE });
  world.executor.try = () => {
    world.store.transaction(() => world.store.changes.revoke('client', client.id, world.clock.now));
    return Response.json({ ok: true });
  };
  const sealed = seal(world, client.id, client.key, { connection: 'tried' });
  const body = { ...submission(sealed), try: true };
  const answer = await callWith(world, client.key, access_token, 'POST', '/connections', body);
  await assertProblem(answer, 401, 'UNAUTHENTICATED', /^This access was revoked\.$/);
  assert.equal(world.store.connections.find(sealed.handle), undefined);
});
