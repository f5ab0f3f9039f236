/** Starts the oracle as a process, and says where it has what the battery asks for. */
import { exportJWK, generateKeyPair } from 'jose';
import { fileURLToPath } from 'node:url';
import { Person } from '../../support/person.ts';
import { start } from '../../support/process.ts';
import type { Keys, Side } from './side.ts';

export async function startOracle(keys: Keys): Promise<Side> {
  const { agent, server, careful } = keys;
  const jwks = { agent: agent.jwk, server: server.jwk, careful: careful.jwk };
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const signing = { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' };
  const process_ = await start({
    file: process.execPath,
    args: [fileURLToPath(new URL('./oracle-main.js', import.meta.url))],
    env: { ORACLE_SETUP: JSON.stringify({ jwks, signing }) },
  });
  const { issuer } = JSON.parse(process_.readyLine) as { issuer: string };
  return {
    ...{ name: 'the oracle', issuer, keys, person: new Person(issuer), exchange: null },
    ids: { app: 'app', other: 'other', revoked: 'revoked', agent: 'agent', server: 'server', careful: 'careful' },
    paths: {
      ...{ par: '/request', authorize: '/auth', credentials: '/token', code: '/token', refresh: '/token' },
      ...{ poll: '/token', exchange: '/token', workload: '/token', device: '/device/auth' },
      ...{ revoke: '/token/revocation', introspect: '/token/introspection' },
    },
    stop: async () => void (await process_.stop()),
  };
}
