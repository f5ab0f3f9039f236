/** The five steps between separate processes, with unmodified clients on both ends. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';

describe('the whole flow', { timeout: 180_000 }, () => {
  let world: World;
  let dir: Awaited<ReturnType<typeof makeTempDir>>;
  before(async () => {
    dir = await makeTempDir();
    world = await startWorld({ dir: dir.path, slack: true });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  for (const era of ['modern', 'legacy'] as const) {
    test(`the official client (${era} era) lists tools and calls them; Octokit runs unchanged on the handle`, async () => {
      const client = await world.client({ era });
      assert.ok((await client.tools()).includes('create_issue'));
      assert.equal(await client.call('my_login'), world.upstream.login);
      const issue = JSON.parse(await client.call('create_issue', { repo: 'hello-world', title: `from ${era}` })) as {
        title: string;
      };
      assert.equal(issue.title, `from ${era}`);
      await client.stop();
    });
  }

  test("Slack's SDK runs unchanged on a handle", async () => {
    const client = await world.client();
    assert.equal(await client.call('slack_team'), 'Example');
    await client.stop();
  });

  test('a tool learns who calls: subject, client, organisation, scopes, claims', async () => {
    const client = await world.client();
    const caller = JSON.parse(await client.call('who_called')) as Record<string, unknown>;
    assert.equal(caller.subject, world.clientId);
    assert.equal(caller.clientId, world.clientId);
    assert.equal(caller.org, 'default');
    assert.deepEqual(caller.scopes, ['mcp:use', 'issues:write']);
    assert.equal((caller.claims as { aud: string }).aud, world.resource);
    await client.stop();
  });

  test('the buffered form answers with status, headers and a parsed body', async () => {
    const client = await world.client();
    const answer = JSON.parse(await client.call('buffered', { path: '/user' })) as {
      status: number;
      body: { login: string };
    };
    assert.equal(answer.status, 200);
    assert.equal(answer.body.login, world.upstream.login);
    await client.stop();
  });

  test('a caller without a scope is not shown the tool, and steps up when it calls it all the same', async () => {
    const client = await world.client({ scope: ['mcp:use'] });
    assert.equal((await client.tools()).includes('create_issue'), false);
    const issue = JSON.parse(await client.call('create_issue', { repo: 'hello-world', title: 'stepped up' })) as {
      title: string;
    };
    assert.equal(issue.title, 'stepped up');
    assert.equal((await client.tools()).includes('create_issue'), true);
    await client.stop();
  });

  test('the audit journal names the calls and never the credential', async () => {
    const client = await world.client();
    await client.call('my_login');
    await client.stop();
    // Checkpoints come at least once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { stdout } = await world.stack.tryDauth(['audit', 'export']);
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; handle?: string });
    assert.ok(records.some((record) => record.kind === 'intent' && record.handle === world.handle));
    assert.ok(records.some((record) => record.kind === 'outcome'));
    assert.equal(stdout.includes(world.token), false);
  });

  // Last: no right tokens are sealed behind them.
  test("[dispatch.bound] a token that is not the one of the API is refused by it, and Slack's SDK hears that", async () => {
    const { handle, token } = world.slack!;
    const owner = ['--key', join(dir.path, 'client.jwk'), '--client-id', world.clientId];
    await world.stack.dauth(['connections', 'rotate', handle, ...owner], `${token}x`);
    const client = await world.client();
    await assert.rejects(client.call('slack_team'), /401/);
    await client.stop();
  });

  test('[dispatch.bound] a token that is not the one of the API is refused by it, and Octokit hears that', async () => {
    const owner = ['--key', join(dir.path, 'client.jwk'), '--client-id', world.clientId];
    await world.stack.dauth(['connections', 'rotate', world.handle, ...owner], `${world.token}x`);
    const client = await world.client();
    await assert.rejects(client.call('my_login'), /credentials|401/i);
    const { status } = JSON.parse(await client.call('call', { method: 'GET', url: '/user' })) as { status: number };
    assert.equal(status, 401);
    await client.stop();
  });
});
