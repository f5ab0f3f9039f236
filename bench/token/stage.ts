/** Who gives tokens: the authority as its users start it, and oidc-provider; the same client asks both in the same way. */
import { join } from 'node:path';
import { createClient, importKey, signProof } from '@dauth/client';
import { generateKeyPair, exportJWK } from 'jose';
import { makeTempDir } from '#test/support/process.js';
import { startStack, type Stack } from '#test/world/stack.js';
import { startCaller, type Caller } from '../load/caller.ts';
import type { Target } from '../load/job.ts';
import type { Contestant } from '../method/rounds.ts';
import type { OidcSetup } from '../peers/oidc-main.ts';
import type { LoadRound } from '../stage/contest.ts';
import type { Entrant } from '../stage/entrants.ts';
import { heldFor } from '../stage/held.ts';
import {
  addClient,
  addServer,
  askTokens,
  RESOURCE,
  SCOPE,
  sealUnused,
  type Jwk,
  type Party,
} from '../stage/registered.ts';
import { startAll, startSetUp, type Started } from '../stage/started.ts';
import { openFamilies } from './families.ts';
import { startFloor } from './floor.ts';

export const NAMES = {
  own: 'DAuth',
  named: 'DAuth, one connection',
  exchange: 'DAuth, exchange',
  refresh: 'DAuth, refresh',
  oidc: 'oidc-provider',
} as const;
export type Name = keyof typeof NAMES;

export interface TokenStage extends AsyncDisposable {
  readonly caller: Caller;
  readonly entrants: Readonly<Record<Name, Entrant>>;
  readonly floor: Contestant<LoadRound>;
}

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
/** An app that a person said yes to, with a key of its own. */
const APP = [
  ...['--redirect-uri', 'http://127.0.0.1/callback'],
  ...['--grant', 'authorization_code', '--grant', 'refresh_token'],
];
/** Less than the life of an access token and of the window that its proof opens, in milliseconds. */
const SUBJECT_MS = 120_000;

export function raiseTokenStage(floor: { readonly operations: number; readonly group: number }): Promise<TokenStage> {
  return startAll(async (started) => {
    const { path: dir } = started.use(await makeTempDir('dauth-bench-'));
    const stack = started.use(await startStack({ dir: join(dir, 'stack') }));
    const [server, client] = [await addServer(stack, dir), await addClient(stack, dir)];
    const handle = await sealUnused(stack, client);
    const { authority, pids } = stack.ready;

    const form = { grant_type: 'client_credentials', resource: RESOURCE, scope: SCOPE };
    const wish = JSON.stringify([{ type: 'dauth_connection', identifier: handle }]);
    const asked = (more: object): Target =>
      askTokens(authority, [{ form: { ...form, ...more }, clientId: client.id, key: client.key, audience: authority }]);
    const subject = await subjects(stack, client, handle);
    const ours = (name: Name, target: () => Promise<Target>): Entrant => ({
      ...{ name: NAMES[name], pids: { server: pids.authority }, proves: false, target },
    });
    return {
      caller: started.use(await startCaller()),
      floor: await startFloor(started, dir, floor),
      entrants: {
        own: ours('own', async () => asked({})),
        named: ours('named', async () => asked({ authorization_details: wish })),
        exchange: ours('exchange', async () =>
          askTokens(authority, [
            {
              form: { grant_type: EXCHANGE, resource: stack.ready.executor, ...(await subject()) },
              ...{ clientId: server.id, key: server.key, audience: authority },
            },
          ]),
        ),
        refresh: ours('refresh', await refreshes(started, stack, dir, floor.group)),
        oidc: await startOidc(started, client, form),
      },
    };
  });
}

/** A call to the MCP server, as the server would show it to the authority: a token and its proof, anew every two minutes. */
async function subjects({ ready }: Stack, { id, key }: Party, handle: string): Promise<() => Promise<object>> {
  const owner = await importKey(key);
  const client = createClient({ issuer: ready.authority, clientId: id, key: owner });
  return heldFor(SUBJECT_MS, async () => {
    const { accessToken } = await client.token({ resource: RESOURCE, scope: [SCOPE], connections: [handle] });
    const subject_dpop = await signProof(owner, { method: 'POST', url: RESOURCE, accessToken });
    return { subject_token: accessToken, subject_token_type: ACCESS_TOKEN, subject_dpop };
  });
}

/** @param callers each of which has a refresh token that it alone uses up */
async function refreshes(started: Started, stack: Stack, dir: string, callers: number): Promise<() => Promise<Target>> {
  const { authority, data } = stack.ready;
  const { id: clientId, key } = await addClient(stack, dir, 'app', APP);
  const path = join(data, 'authority', 'authority.db');
  const families = started.use(await openFamilies({ path, clientId, resource: RESOURCE, scope: SCOPE }));
  const asked = { form: { grant_type: 'refresh_token' }, clientId, key, audience: authority };
  return async () => {
    const tokens = families.make(callers);
    const target = askTokens(
      authority,
      tokens.map(() => asked),
    );
    return { ...target, wanted: target.wanted.map((each, at) => ({ ...each, refreshToken: tokens[at]! })) };
  };
}

async function startOidc(started: Started, { id: clientId, key }: Party, form: Jwk): Promise<Entrant> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const { kty, crv, x, y } = key;
  const setup: OidcSetup = {
    ...{ clientId, client: { kty, crv, x, y }, signing: await exportJWK(privateKey) },
    ...{ resource: RESOURCE, scope: SCOPE },
  };
  const child = await startSetUp(started, new URL('../peers/oidc-main.js', import.meta.url), setup);
  const { issuer } = JSON.parse(child.readyLine) as { issuer: string };
  const target = async (): Promise<Target> => askTokens(issuer, [{ form, clientId, key, audience: issuer }]);
  return { name: NAMES.oidc, pids: { server: child.pid }, target, proves: false };
}
