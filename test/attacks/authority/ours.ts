/** The authority under the battery: a process of its own, with the clients of the battery registered by commands. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Person } from '../../support/person.ts';
import { startStack } from '../../world/stack.ts';
import { ADA, OTHER_RESOURCE, REDIRECT, RESOURCE, type Keys, type Side } from './side.ts';

const flags = (name: string, values: readonly string[]) => values.flatMap((value) => [name, value]);
const SCOPES = flags('--scope', ['mcp:use', 'mcp:write']);
const APP_GRANTS = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];

export async function startOurs(dir: string, keys: Keys): Promise<Side> {
  const stack = await startStack({ dir });
  try {
    const issuer = stack.ready.authority;
    const person = new Person(issuer);
    await person.setUp(stack.ready.first_run!, ADA);
    const register = async (...args: string[]) => (await stack.dauth<{ client_id: string }>(args)).client_id;
    const keyed = async (name: 'agent' | 'server' | 'careful'): Promise<string[]> => {
      const path = join(dir, `${name}.jwk`);
      await writeFile(path, JSON.stringify(keys[name].jwk));
      return ['--jwk', path];
    };
    const app = ['--public', '--redirect-uri', REDIRECT, ...flags('--grant', APP_GRANTS), ...SCOPES];
    const server = await register(...['servers', 'add', '--resource', RESOURCE, ...(await keyed('server')), ...SCOPES]);
    const theirKey = join(dir, 'theirs.jwk');
    await register('servers', 'add', '--resource', OTHER_RESOURCE, '--generate', theirKey, '--org', 'theirs');
    const client = (name: string, ...more: readonly string[]) => register('clients', 'add', '--name', name, ...more);
    const own = flags('--grant', ['client_credentials', 'authorization_code']);
    const agent = [...own, '--redirect-uri', REDIRECT, '--scope', 'mcp:use'];
    const ids = {
      server,
      app: await client('app', ...app),
      other: await client('other', ...app),
      agent: await client('agent', ...(await keyed('agent')), ...agent),
      revoked: await client('revoked', ...app),
      careful: await client('careful', ...(await keyed('careful')), ...agent, '--nonces'),
    };
    await stack.dauth(['clients', 'rm', ids.revoked]);
    return {
      ...{ name: 'the authority', issuer, ids, keys, person },
      paths: {
        ...{ par: '/par', authorize: '/authorize', credentials: '/token', code: '/token', refresh: '/token' },
        ...{ poll: '/token', exchange: '/token', device: '/device_authorization' },
        ...{ revoke: '/revoke', introspect: '/introspect' },
      },
      stop: () => stack.stop(),
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
