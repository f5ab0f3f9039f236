/** `mcpProvider` and `createClient` under the official conformance tests for clients: every scenario about authorization that it has. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLIENT_RUNS } from './client-runs.ts';
import { isAboutAuthorization, tryClient } from './client.ts';
import { assertAsRecorded, record } from './result.ts';
import { readResults } from './results.ts';
import { runSuite } from './suite.ts';

describe("MCP's conformance suite for clients", { timeout: 170_000 }, () => {
  for (const run of CLIENT_RUNS)
    test(`${run.title} ends as docs/conformance.md says`, async () => {
      const { found, thrown } = await tryClient(run);
      assertAsRecorded(record(run, found, isAboutAuthorization), readResults());
      for (const [scenario, sentence] of Object.entries(run.says ?? {}))
        assert.ok(thrown.get(scenario)?.includes(sentence), thrown.get(scenario));
    });

  test('control: a client that does nothing passes no scenario of the suite `auth`, and each of them is in a run', async () => {
    const run = { title: 'nothing', command: 'client --suite auth' };
    const { scenarios } = record(run, await runSuite(['client', '--command', 'true', '--suite', 'auth']));
    const tried = new Set(readResults().runs.flatMap((each) => Object.keys(each.scenarios)));
    assert.ok(Object.keys(scenarios).length > 0);
    for (const [name, { others }] of Object.entries(scenarios)) {
      assert.ok(
        others.some((check) => check.endsWith(' FAILURE')),
        name,
      );
      assert.ok(tried.has(name), name);
    }
  });
});
