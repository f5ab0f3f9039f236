/**
 * A person's yes in the sealed executor, between separate processes, with oidc-provider, unmodified, that requires PKCE: from
 * the command line over a browser to a call through the MCP server, and what is said where it does not come to that.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeCa, type CaFiles } from '../support/ca.ts';
import { APPS, browse, serveConsenting, type Consenting } from '../support/consenting.ts';
import { makeTempDir, start } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

const DAUTH = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly said: Record<string, unknown>;
  readonly shown: string;
  readonly everything: string;
}

describe('a connection that begins with a person in a browser', { timeout: 300_000 }, () => {
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  let files: CaFiles;
  let ca: string;
  let provider: Consenting;
  let world: World;
  const codes: string[] = [];

  before(async () => {
    dir = await makeTempDir();
    files = await writeCa(join(dir.path, 'provider'));
    ca = await readFile(files.root, 'utf8');
    provider = await serveConsenting(files);
    world = await startWorld({
      ...{ dir: join(dir.path, 'stack'), upstream: { ca: [files.root] } },
      real: { token: 'a token that nobody takes', url: provider.origin },
    });
    await world.stack.dauth(['connections', 'rm', world.handle]);
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await provider?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const request = (app: object): string =>
    JSON.stringify({
      issuer: provider.origin,
      scope: 'read offline_access',
      parameters: { prompt: 'consent' },
      ...app,
    });
  const OPEN = { client_id: APPS.open };
  const CONFIDENTIAL = { client_id: APPS.confidential, auth: 'client_secret_basic' };
  const as = (): string[] => ['--key', join(dir.path, 'stack', 'client.jwk'), '--client-id', world.clientId];

  /** The command, and the browser that its first line is for. */
  const say = async (
    args: readonly string[],
    app: object,
    {
      input = '',
      change = (back) => back,
    }: { input?: string; change?: NonNullable<Parameters<typeof browse>[2]> } = {},
  ): Promise<Ended> => {
    const all = [...args, '--oauth', request(app), ...as(), '--data', world.stack.ready.data, '--json'];
    const running = await start({
      ...{ file: process.execPath, args: [DAUTH, ...all], env: { NODE_EXTRA_CA_CERTS: files.root }, input },
      isReady: (line) => line.startsWith('{"event":"consent"'),
    });
    await using _ = running;
    const { url } = JSON.parse(running.readyLine) as { url: string };
    const shown = await browse(url, ca, (back) => {
      codes.push(new URL(back).searchParams.get('code') ?? 'no code');
      return change(back);
    });
    const { code } = await running.exited;
    const [, out] = running.stdout().trim().split('\n');
    const said = JSON.parse(out ?? running.stderr().trim().split('\n').at(-1)!) as Record<string, unknown>;
    return { code, said, shown, everything: running.stdout() + running.stderr() };
  };
  const connect = (app: object, more: Parameters<typeof say>[2] = {}): Promise<Ended> =>
    say(['connect', 'github', '--origin', provider.origin, '--server', world.resource, '--path', '/user'], app, more);
  const remove = (handle: unknown) => world.stack.dauth(['connections', 'rm', String(handle)]);
  const call = async (handle: unknown): Promise<string> => {
    const client = await world.client({ connections: [String(handle)] });
    try {
      const said = JSON.parse(await client.call('call_path', { path: '/user' })) as { refused?: string; body: string };
      return said.refused ?? (JSON.parse(said.body) as { body: { login: string } }).body.login;
    } finally {
      await client.stop();
    }
  };

  for (const [what, app, input] of [
    ['without a secret', OPEN, ''],
    ['with one', CONFIDENTIAL, 'secret'],
  ] as const)
    test(`[seal.client-only] an app ${what} is connected, and its tool is answered, with what only the executor redeemed`, async () => {
      const { code, said, shown, everything } = await connect(app, { input: input && provider.secret });
      assert.deepEqual([code, said.ver, said.status], [0, 2, 'active'], everything);
      assert.match(shown, /^Done\./);
      assert.deepEqual(provider.asked.at(-1)!.get('grant_type'), 'authorization_code');
      assert.equal(provider.answered.at(-1), 200);
      assert.ok(!everything.includes(codes.at(-1)!), 'the code was printed');
      assert.equal(await call(said.handle), 'ada may read');
      assert.equal(await call(said.handle), 'ada may read');
      const grants = provider.asked.slice(-2).map((form) => form.get('grant_type'));
      assert.ok(grants.includes('refresh_token'), 'what came is refreshed as any other');
      await remove(said.handle);
    });

  test('[dispatch.bound] with a wrong client secret nothing comes, the owner is told, and connects again', async () => {
    const asked = provider.asked.length;
    const failed = await connect(CONFIDENTIAL, { input: 'another secret altogether' });
    assert.deepEqual([failed.code, provider.asked.length, provider.answered.at(-1)], [3, asked + 1, 401]);
    assert.match(failed.everything, /did not take the client that showed the authorization code/);
    const [, handle = ''] = /It is stored as (ddls:conn:[0-9a-f-]+)/.exec(failed.everything) ?? [];
    const row = await world.stack.dauth<{ status: string; ver: number }>(['connections', 'get', handle]);
    assert.deepEqual([row.status, row.ver], ['needs_reauthorization', 1]);
    const again = await say(['connections', 'rotate', handle], CONFIDENTIAL, { input: provider.secret });
    assert.deepEqual([again.code, again.said.ver, again.said.status], [0, 3, 'active'], again.everything);
    assert.equal(await call(handle), 'ada may read');
    await remove(handle);
  });

  test('[token.bound] the code of another request is of no use: the verifier is of this one', async () => {
    let stolen = '';
    const change = (back: string): string => back.replace(/code=[^&]+/, `code=${stolen}`);
    // A second request by the same app, whose code ends in the hands of somebody else.
    const asked = provider.asked.length;
    const other = await say(
      ['connect', 'other', '--origin', provider.origin, '--server', world.resource, '--path', '/user'],
      OPEN,
      {
        change: (back) => {
          stolen = new URL(back).searchParams.get('code')!;
          return back.replace(/code=[^&]+/, 'code=nothing-at-all-0123456789');
        },
      },
    );
    assert.equal(other.code, 3);
    const failed = await connect(OPEN, { change });
    assert.deepEqual([failed.code, provider.asked.length, provider.answered.slice(-2)], [3, asked + 2, [400, 400]]);
    assert.match(failed.everything, /did not take the authorization code/);
    for (const { everything } of [other, failed]) await remove(/ddls:conn:[0-9a-f-]+/.exec(everything)![0]);
  });

  test('[token.bound] an answer with another state, or by another issuer, is none: what comes after it is', async () => {
    const change = async (back: string): Promise<string> => {
      for (const [name, value] of [
        ['state', 'another-state'],
        ['iss', 'https://evil.example'],
      ] as const) {
        const url = new URL(back);
        url.searchParams.set(name, value);
        assert.match(await browse(url.href, ca), /no answer that anybody waits for/);
      }
      assert.match(await browse(back.replace('/callback', '/other'), ca), /nothing here/);
      return back;
    };
    const { code, said, everything } = await connect(OPEN, { change });
    assert.equal(code, 0, everything);
    await remove(said.handle);
  });

  test('[crash.safe] a person who says no is believed, and nothing is stored', async () => {
    provider.agrees = false;
    try {
      const { code, said } = await connect(OPEN);
      assert.deepEqual([code, JSON.stringify(said).includes('NOT_AGREED')], [5, true]);
    } finally {
      provider.agrees = true;
    }
    const { stdout } = await world.stack.tryDauth(['connections', 'ls']);
    assert.equal(stdout.includes('ddls:conn:'), false, stdout);
  });

  test('[seal.bound] an access token without a refresh token is used until it ends, and then the owner is told', async () => {
    provider.givesRefresh = false;
    try {
      const { said, everything } = await connect(OPEN);
      assert.deepEqual([said.ver, said.status], [2, 'active'], everything);
      const asked = provider.asked.length;
      assert.equal(await call(said.handle), 'ada may read');
      // It lives for 20 seconds.
      for (let result = ''; result !== 'NEEDS_REAUTHORIZATION'; await sleep(1_000)) result = await call(said.handle);
      assert.equal(provider.asked.length, asked);
      const row = await world.stack.dauth<{ status: string }>(['connections', 'get', String(said.handle)]);
      assert.equal(row.status, 'needs_reauthorization');
      await remove(said.handle);
    } finally {
      provider.givesRefresh = true;
    }
  });

  test('[audit.complete] the journal names the endpoint and each redemption, and no code', async () => {
    await sleep(1_500);
    const { stdout } = await world.stack.tryDauth(['audit', 'export']);
    assert.ok(stdout.includes('"kind":"redeem"'));
    assert.ok(stdout.includes('"kind":"redeemed"'));
    for (const value of [provider.secret, ...codes, ...provider.shown]) assert.ok(!stdout.includes(value));
  });
});
