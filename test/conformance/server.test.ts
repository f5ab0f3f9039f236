/** Protection changes nothing: each scenario of MCP's conformance suite ends the same, check by check, with `protect` and without. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertAsRecorded, record, type Found } from './result.ts';
import { readResults } from './results.ts';
import { SERVER_RUNS } from './server-runs.ts';
import { serveTwice } from './server.ts';

describe("MCP's conformance suite at a protected server", { timeout: 170_000 }, () => {
  let servers: Awaited<ReturnType<typeof serveTwice>>;
  before(async () => (servers = await serveTwice()));
  after(() => servers[Symbol.asyncDispose]());

  for (const run of SERVER_RUNS)
    test(`${run.title} ends as docs/conformance.md says, and without protection as with it`, async () => {
      const { bare, shielded } = await servers.try(run);
      assertAsRecorded(record(run, shielded), readResults());
      assert.deepEqual(statuses(bare), statuses(shielded));
    });
});

function statuses(found: Found): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    [...found].map(([name, checks]) => [name, checks.map(({ id, status }) => `${id} ${status}`)]),
  );
}
