/** Somebody holds an envelope that is not theirs, or owns the authority's database (SECURITY.md, attackers 4 and 8). */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import {
  createClient,
  fetchExecutor,
  generateKey,
  importKey,
  MemorySeqStore,
  RemoteError,
  seal,
  type ClientKey,
  type SealPolicy,
} from '@dauth/client';
import { readFile } from 'node:fs/promises';
import { proves } from '../claims.ts';
import { makeTempDir } from '../support/process.ts';
import { startStack, type Stack } from '../world/stack.ts';

const RESOURCE = 'https://mcp.example/mcp';

describe('envelopes that are not yours', { timeout: 180_000 }, () => {
  let stack: Stack;
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  before(async () => {
    dir = await makeTempDir();
    stack = await startStack({ dir: dir.path });
    await stack.dauth(['servers', 'add', '--resource', RESOURCE, '--generate', `${dir.path}/server.jwk`]);
  });
  after(async () => {
    await stack?.stop();
    await dir?.[Symbol.asyncDispose]();
  });

  let made = 0;
  const newClient = async () => {
    const file = `${dir.path}/client-${++made}.jwk`;
    const { client_id: clientId } = await stack.dauth<{ client_id: string }>([
      'clients',
      'add',
      '--name',
      'c',
      '--generate',
      file,
    ]);
    const key = await importKey(JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>);
    return { clientId, key, client: createClient({ issuer: stack.ready.authority, clientId, key }) };
  };
  const sealFor = async (owner: string, key: ClientKey, over: Partial<SealPolicy> = {}) => {
    const { authority, executor_identity } = stack.ready;
    const executor = await fetchExecutor({
      url: authority,
      identities: [executor_identity],
      seqStore: new MemorySeqStore(),
    });
    const policy: SealPolicy = {
      ...{
        issuer: authority,
        owner,
        connection: `c${++made}`,
        servers: [RESOURCE],
        expiresAt: Math.floor(Date.now() / 1_000) + 3_600,
      },
      allow: [{ origin: 'https://api.example', methods: ['GET'], paths: ['/**'] }],
      inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
      ...over,
    };
    return seal({ executor, key, fields: { token: Buffer.from('canary-credential') }, policy });
  };
  const refused = (code: string, status: number) => (error: unknown) =>
    error instanceof RemoteError && error.code === code && error.status === status;

  proves('seal.bound', 'an envelope stolen from the database is refused when another client submits it', async () => {
    const [owner, thief] = [await newClient(), await newClient()];
    const sealed = await sealFor(owner.clientId, owner.key);
    await owner.client.connections.store(sealed);
    await assert.rejects(thief.client.connections.store(sealed), refused('FORBIDDEN', 403));
    await assert.rejects(
      thief.client.token({ resource: RESOURCE, credentials: [sealed] }),
      (error: unknown) => error instanceof RemoteError && error.oauthError === 'invalid_authorization_details',
    );
  });

  proves('seal.bound', 'a seal proof by a key over another envelope is refused', async () => {
    const owner = await newClient();
    const [first, second] = [await sealFor(owner.clientId, owner.key), await sealFor(owner.clientId, owner.key)];
    await assert.rejects(
      owner.client.connections.store({ ...first, seal_proof: second.seal_proof }),
      refused('POLICY_DENIED', 403),
    );
  });

  proves(
    'seal.bound',
    'the same octets again give the same answer, other octets on a live handle a conflict',
    async () => {
      const owner = await newClient();
      const sealed = await sealFor(owner.clientId, owner.key);
      const row = await owner.client.connections.store(sealed);
      assert.equal((await owner.client.connections.store(sealed)).handle, row.handle);
      const other = await sealFor(owner.clientId, owner.key, {
        connection: row.name,
        replaces: { handle: row.handle, ver: 1 },
      });
      await assert.rejects(owner.client.connections.store(other), refused('CONFLICT', 409));
    },
  );

  proves('seal.bound', 'a rotation by a key outside the seal chain, or to an older version, is refused', async () => {
    const owner = await newClient();
    const sealed = await sealFor(owner.clientId, owner.key);
    const row = await owner.client.connections.store(sealed);
    const next = { connection: row.name, replaces: { handle: row.handle, ver: 2 } };
    const foreign = await sealFor(owner.clientId, await generateKey(), next);
    await assert.rejects(owner.client.connections.rotate(row.handle, foreign), refused('POLICY_DENIED', 403));
    const rotated = await owner.client.connections.rotate(row.handle, await sealFor(owner.clientId, owner.key, next));
    assert.equal(rotated.ver, 2);
    await assert.rejects(owner.client.connections.rotate(row.handle, sealed), refused('CONFLICT', 409));
  });

  proves(
    'token.bound',
    'no token names a connection at a server its owner did not seal for, or more than was sealed',
    async () => {
      const owner = await newClient();
      const { handle } = await owner.client.connections.store(
        await sealFor(owner.clientId, owner.key, { servers: ['https://other.example/mcp'] }),
      );
      const denied = (error: unknown) =>
        error instanceof RemoteError && error.oauthError === 'invalid_authorization_details';
      await assert.rejects(owner.client.token({ resource: RESOURCE, connections: [handle] }), denied);
      const narrow = await owner.client.connections.store(await sealFor(owner.clientId, owner.key));
      const wide = { identifier: narrow.handle, locations: ['https://api.example'], actions: ['POST /x'] };
      await assert.rejects(owner.client.token({ resource: RESOURCE, connections: [wide as never] }), denied);
      const { details } = await owner.client.token({
        resource: RESOURCE,
        connections: [{ ...wide, actions: ['GET /x'] } as never],
      });
      assert.deepEqual(details[0]!.actions, ['GET /x']);
    },
  );
});
