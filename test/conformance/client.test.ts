/**
 * `mcpProvider` and `createClient` under the official conformance tests for clients: every scenario about authorization that the suite has, held to
 * how each of its checks ended when docs/conformance.md was written.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLIENT_RUNS } from './client-results.ts';
import { useServer } from './client.ts';
import { isForProgram, useAsProgram } from './program.ts';
import { serveRelay } from './relay.ts';
import { expectedOf } from './result.ts';
import { outcomes, runSuite } from './suite.ts';

/** Of the suite, for one client: long enough for a machine with other things to do. */
const PATIENCE = ['--timeout', '100000'];
const isOurs = (scenario: string): boolean => scenario.startsWith('auth/');

describe("MCP's conformance suite for clients", { timeout: 170_000 }, () => {
  for (const { title, args, others, says = {}, ...run } of CLIENT_RUNS)
    test(`${title} ends as docs/conformance.md says`, async () => {
      await using relay = await serveRelay(async (told, gone) => {
        if (isOurs(told.scenario)) await (isForProgram(told) ? useAsProgram : useServer)(told, gone);
      });
      const found = outcomes(await runSuite(['client', '--command', relay.command, ...args, ...PATIENCE]));
      const tried = Object.fromEntries(Object.entries(found).filter(([scenario]) => isOurs(scenario)));
      assert.deepEqual(tried, expectedOf({ title, ...run }), JSON.stringify([...relay.thrown]));
      assert.deepEqual(
        Object.keys(found)
          .filter((scenario) => !isOurs(scenario))
          .sort(),
        others,
      );
      for (const [scenario, sentence] of Object.entries(says))
        assert.ok(relay.thrown.get(scenario)?.includes(sentence), relay.thrown.get(scenario));
    });

  test('control: a client that does nothing passes no scenario of the suite `auth`', async () => {
    const found = Object.values(outcomes(await runSuite(['client', '--command', 'true', '--suite', 'auth'])));
    assert.ok(found.length > 0);
    for (const [, failed] of found) assert.ok(failed.some((check) => check.endsWith(' FAILURE')));
  });
});
