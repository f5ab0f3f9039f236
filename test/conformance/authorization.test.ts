/** The authority under the conformance suite, once by a client as any other, once by one that an operator marked Bearer. */
import { after, before, describe, test } from 'node:test';
import { AUTHORIZATION_RUNS } from './authorization-runs.ts';
import { serveAuthority } from './authorization.ts';
import { assertAsRecorded, record } from './result.ts';
import { readResults } from './results.ts';

describe("MCP's conformance suite at the authority", { timeout: 170_000 }, () => {
  let authority: Awaited<ReturnType<typeof serveAuthority>> | undefined;
  before(async () => {
    authority = await serveAuthority();
  });
  after(() => authority?.[Symbol.asyncDispose]());

  for (const run of AUTHORIZATION_RUNS)
    test(`${run.title} ends as docs/conformance.md says`, async () => {
      assertAsRecorded(record(run, await authority!.try(run)), readResults());
    });
});
