/**
 * Revocation between processes: a dispatch token that is out works at the real executor until something it stands on is
 * taken away at the authority, and is refused there within the second. The server keeps the token and goes past our library.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, type TestContext } from 'node:test';
import { createClient, generateKey, importKey, signProof, type ClientKey, type DAuthClient } from '@dauth/client';
import { importJWK, SignJWT } from 'jose';
import { proves } from '../claims.ts';
import { makeHost, REDIRECT } from '../support/host.ts';
import { Person } from '../support/person.ts';
import { makeTempDir } from '../support/process.ts';
import { readClaims } from '../world/proofs.ts';
import { startWorld, type World } from '../world/world.ts';

const ADA = { login: 'ada', password: 'a horse that counts to seven' };
const REVOKED = 'This access was revoked.';
const TYPE = 'urn:ietf:params:oauth:token-type:access_token';

/** Somebody who calls the MCP server, and the key of their tokens. */
interface Holder {
  readonly clientId: string;
  readonly key: ClientKey;
  readonly call: (tool: string, args?: Record<string, unknown>) => Promise<string>;
}

/** What an OAuth endpoint said. */
interface Said {
  readonly status: number;
  readonly active?: boolean;
  readonly error?: string;
  readonly error_description?: string;
}

describe('a revocation', { timeout: 240_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let world: World;
  let issuer: string;
  let operator: DAuthClient;
  before(async () => {
    dir = await makeTempDir();
    world = await startWorld({ dir: dir.path });
    issuer = world.stack.ready.authority;
    await new Person(issuer).setUp(world.stack.ready.first_run!, ADA);
    const jwk = JSON.parse(await readFile(join(world.stack.ready.data, 'operator.jwk'), 'utf8')) as object;
    const key = await importKey(jwk as Record<string, unknown>);
    operator = createClient({ issuer, clientId: 'operator', key, asOperator: true });
    await connect([]);
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** Seals a token: for the first person, or for whoever the flags name. */
  async function connect(flags: readonly string[]): Promise<string> {
    const { stack, upstream, resource, token } = world;
    const where = ['--origin', upstream.origin, '--server', resource, '--method', 'GET', ...flags];
    return (await stack.dauth<{ handle: string }>(['connect', 'github', ...where], token)).handle;
  }

  /** A client with a key and a connection of its own. */
  async function workload() {
    const file = join(dir.path, `${crypto.randomUUID()}.jwk`);
    const add = ['clients', 'add', '--name', 'workload', '--generate', file];
    const { client_id: clientId } = await world.stack.dauth<{ client_id: string }>(add);
    const jwk = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    const handle = await connect(['--key', file, '--client-id', clientId]);
    const key = await importKey(jwk);
    const start = async (): Promise<Holder> => {
      const client = await world.client({ clientId, key: jwk, connections: [handle] });
      return { clientId, key, call: (tool, args) => client.call(tool, args) };
    };
    return { clientId, key, handle, start };
  }

  /** An app that a person signed in to. */
  async function app(): Promise<Holder & { readonly refreshToken: () => Promise<string> }> {
    const grants = ['--grant', 'authorization_code', '--grant', 'refresh_token'];
    const add = ['clients', 'add', '--name', 'app', '--public', '--redirect-uri', REDIRECT, ...grants];
    const { client_id: clientId } = await world.stack.dauth<{ client_id: string }>(add);
    const key = await generateKey();
    const person = async (address: URL) => (await new Person(issuer).allow(address, ADA)).back;
    const more = { clientId, issuer };
    const { call, provider } = makeHost({ server: world.resource, key, era: 'modern', person, more });
    return { clientId, key, call, refreshToken: async () => (await provider.tokens())!.refresh_token! };
  }

  /** One dispatch past the library, with the server's key and the dispatch token it kept. @returns the status or the code */
  async function dispatch({ call }: Holder): Promise<number | string> {
    const args = { method: 'GET', path: '/user', origin: world.upstream.origin };
    const { status, refused } = JSON.parse(await call('raw', args)) as { status?: number; refused?: string };
    return status ?? refused!;
  }

  /** The access token with which the server was called. */
  async function tokenOf({ call }: Holder): Promise<string> {
    const { headers } = JSON.parse(await call('seen')) as { headers: string[] };
    return headers.find((value) => value.startsWith('DPoP '))!.slice(5);
  }

  /** Takes something away; from a second after the authority's word, no dispatch goes through. */
  async function bites(t: TestContext, by: Holder, revoke: () => Promise<unknown>, code: string): Promise<void> {
    assert.equal(await by.call('my_login'), world.upstream.login);
    assert.equal(await dispatch(by), 200, 'control: the token that it kept works');
    const served = async () => (await world.upstream.wire()).requests.length;
    await revoke();
    const acknowledged = performance.now();
    for (;;) {
      const begun = performance.now() - acknowledged;
      const before_ = await served();
      const outcome = await dispatch(by);
      const ended = performance.now() - acknowledged;
      if (outcome === 200) {
        assert.ok(begun < 1_000, `a dispatch that began ${Math.round(begun)} ms later went through`);
        continue;
      }
      assert.equal(outcome, code);
      assert.ok(begun < 1_000, `it was refused ${Math.round(begun)} ms later for the first time`);
      assert.equal(await served(), before_, 'nothing reached the upstream');
      t.diagnostic(`began ${Math.round(begun)} ms, was refused ${Math.round(ended)} ms after the revocation`);
      break;
    }
    assert.equal(await dispatch(by), code, 'and it stays so');
  }

  /** What the server is told, with its own key: about a token, or where it would act on it. */
  async function asServer(path: '/token' | '/introspect', form: Record<string, string>): Promise<Said> {
    const now = Math.floor(Date.now() / 1_000);
    const id = world.serverClientId;
    const assertion = await new SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(id)
      .setSubject(id)
      .setAudience(issuer)
      .setIssuedAt(now)
      .setExpirationTime(now + 60)
      .sign(await importJWK(world.serverKey, 'ES256'));
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    return post(await importKey(world.serverKey), path, {
      ...{ client_assertion_type: type, client_assertion: assertion },
      ...form,
    });
  }

  async function post(key: ClientKey, path: string, form: Record<string, string>): Promise<Said> {
    const dpop = await signProof(key, { method: 'POST', url: issuer + path });
    const response = await fetch(issuer + path, { method: 'POST', headers: { dpop }, body: new URLSearchParams(form) });
    return { status: response.status, ...((await response.json()) as object) };
  }

  const introspect = (token: string) => asServer('/introspect', { token });
  async function exchange({ key }: Holder, token: string): Promise<Said> {
    const subject_dpop = await signProof(key, { method: 'POST', url: world.resource, accessToken: token });
    const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange';
    const subject = { subject_token: token, subject_token_type: TYPE, subject_dpop };
    return asServer('/token', { grant_type, resource: world.stack.ready.executor, ...subject });
  }
  const refresh = ({ key, clientId }: Holder, refresh_token: string) =>
    post(key, '/token', { grant_type: 'refresh_token', client_id: clientId, resource: world.resource, refresh_token });

  /** Each door of the authority that a token or its grant opens, before and after. */
  async function doors(by: Holder, token: string): Promise<Said[]> {
    return [await introspect(token), await exchange(by, token)];
  }
  async function assertOpen(by: Holder, token: string): Promise<void> {
    const [asked, exchanged] = await doors(by, token);
    assert.equal(asked!.active, true, 'control: introspection');
    assert.equal(exchanged!.status, 200, `control: exchange ${exchanged!.error_description}`);
  }
  async function assertShut(by: Holder, token: string): Promise<void> {
    const [asked, exchanged] = await doors(by, token);
    assert.deepEqual(asked, { status: 200, active: false });
    assert.deepEqual(
      [exchanged!.status, exchanged!.error, exchanged!.error_description],
      [400, 'invalid_request', REVOKED],
    );
  }

  proves(
    'revoke.fast',
    'a connection that its owner suspends or revokes is refused by the executor within a second',
    async (t) => {
      const { clientId, key, handle, start } = await workload();
      const owner = createClient({ issuer, clientId, key });
      const by = await start();
      await bites(t, by, () => owner.connections.suspend(handle), 'CONNECTION_SUSPENDED');
      await owner.connections.resume(handle);
      assert.equal(await (await start()).call('my_login'), world.upstream.login, 'resumed, it serves again');
      await bites(t, by, () => owner.connections.revoke(handle), 'CONNECTION_REVOKED');
    },
  );

  proves(
    'revoke.fast',
    'a revoked token is refused by the executor within a second, and at every door of the authority',
    async (t) => {
      const by = await app();
      await by.call('my_login');
      const token = await tokenOf(by);
      await assertOpen(by, token);
      await bites(t, by, () => operator.revoke('token', String(readClaims(token).jti)), 'UNAUTHENTICATED');
      await assertShut(by, token);
      assert.equal((await refresh(by, await by.refreshToken())).status, 200, 'its grant goes on');
    },
  );

  for (const [what, idOf, error] of [
    ['grant', (token: string) => String(readClaims(token).grant_id), 'invalid_grant'],
    ['client', (token: string) => String(readClaims(token).client_id), 'invalid_client'],
    ['owner', (token: string) => String(readClaims(token).sub), 'invalid_grant'],
  ] as const) {
    proves(
      'revoke.fast',
      `a revoked ${what} is refused by the executor within a second, and at every door of the authority`,
      async (t) => {
        const by = await app();
        await by.call('my_login');
        const token = await tokenOf(by);
        await assertOpen(by, token);
        const refreshToken = await by.refreshToken();
        await bites(t, by, () => operator.revoke(what, idOf(token)), 'CONNECTION_REVOKED');
        await assertShut(by, token);
        assert.equal((await refresh(by, refreshToken)).error, error);
      },
    );
  }

  // The last one: everybody here is of it.
  proves(
    'revoke.fast',
    'a revoked org is refused by the executor within a second, and at every door of the authority',
    async (t) => {
      const by = await (await workload()).start();
      await by.call('my_login');
      const token = await tokenOf(by);
      await assertOpen(by, token);
      await bites(t, by, () => operator.revoke('org', String(readClaims(token)['ddls:org'])), 'CONNECTION_REVOKED');
      await assertShut(by, token);
    },
  );
});
