/**
 * The authority under the battery: a process of its own, with the clients of the battery registered by its operator. It
 * starts twice, for whom it takes a platform's workload is one of these clients.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient, importKey } from '@dauth/client';
import type { JWK } from 'jose';
import { freePort } from '../../support/process.ts';
import { Person } from '../../support/person.ts';
import { startStack, type Stack } from '../../world/stack.ts';
import { ADA, OTHER_RESOURCE, PLATFORM, REDIRECT, RESOURCE, readKey, type Key, type Keys, type Side } from './side.ts';

const SCOPES = ['mcp:use', 'mcp:write'];
const APP = {
  auth: 'none',
  redirect_uris: [REDIRECT],
  grants: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  scopes: SCOPES,
} as const;
const AGENT = {
  redirect_uris: [REDIRECT],
  grants: ['client_credentials', 'authorization_code', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
  scopes: ['mcp:use'],
} as const;

export async function startOurs(dir: string, keys: Keys): Promise<Side> {
  const port = await freePort();
  const ids = await withStack(await startStack({ dir, port }), async (first) => {
    const registered = await register(first, keys);
    await first.stop();
    return registered;
  });
  const trustedIssuers = [trust(keys, ids.agent)];
  return withStack(await startStack({ dir, port, authority: { trustedIssuers } }), async (stack) => {
    const issuer = stack.ready.authority;
    const person = new Person(issuer);
    await person.setUp(stack.ready.first_run!, ADA);
    return {
      ...{ name: 'the authority', issuer, keys, person, ids },
      exchange: { executor: stack.ready.executor, signing: await readSigning(stack) },
      paths: {
        ...{ par: '/par', authorize: '/authorize', credentials: '/token', code: '/token', refresh: '/token' },
        ...{ poll: '/token', exchange: '/token', workload: '/token', device: '/device_authorization' },
        ...{ revoke: '/revoke', introspect: '/introspect' },
      },
      stop: () => stack.stop(),
    };
  });
}

async function withStack<T>(stack: Stack, use: (stack: Stack) => Promise<T>): Promise<T> {
  try {
    return await use(stack);
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** The authority's own key, by which a token with one thing wrong about it is good in everything else. */
async function readSigning({ ready }: Stack): Promise<Key> {
  const file = await readFile(join(ready.data, 'authority', 'signing.jwk'), 'utf8');
  return readKey((JSON.parse(file) as { keys: readonly [JWK] }).keys[0]);
}

/** A platform whose one workload is this client. */
function trust({ platform }: Keys, client: string): object {
  const rules = [{ subject: PLATFORM.sub, client, resources: [RESOURCE], scopes: ['mcp:use'] }];
  const jwks = { keys: [{ ...platform.jwk, kid: 'platform', use: 'sig' }] };
  return { issuer: PLATFORM.iss, profile: 'workload', jwks, rules };
}

async function register({ ready }: Stack, keys: Keys): Promise<Side['ids']> {
  const jwk = JSON.parse(await readFile(join(ready.data, 'operator.jwk'), 'utf8')) as Record<string, unknown>;
  const key = await importKey(jwk);
  const operator = createClient({
    ...{ issuer: ready.authority, clientId: 'operator', key, asOperator: true },
  });
  const { clients, servers } = operator;
  const idOf = async (added: Promise<{ client_id: string }>) => (await added).client_id;
  const server = await idOf(servers.add({ resource: RESOURCE, jwk: keys.server.jwk, scopes: SCOPES }));
  await servers.add({ resource: OTHER_RESOURCE, jwk: keys.stranger.jwk, scopes: SCOPES, org: 'theirs' });
  const ids = {
    server,
    app: await idOf(clients.add({ ...APP, name: 'app' })),
    other: await idOf(clients.add({ ...APP, name: 'other' })),
    revoked: await idOf(clients.add({ ...APP, name: 'revoked' })),
    agent: await idOf(clients.add({ ...AGENT, name: 'agent', jwk: keys.agent.jwk })),
    careful: await idOf(clients.add({ ...AGENT, name: 'careful', jwk: keys.careful.jwk, dpop_nonces: true })),
  };
  await operator.revoke('client', ids.revoked);
  return ids;
}
