/** Runs MCP's conformance suite in every mode that it has, for `npm run conformance`. What the tests do, one run after the other. */
import { AUTHORIZATION_RUNS } from './authorization-runs.ts';
import { serveAuthority } from './authorization.ts';
import { CLIENT_RUNS } from './client-runs.ts';
import { isAboutAuthorization, tryClient } from './client.ts';
import { record, type RecordedRun, type Results, type Run } from './result.ts';
import { SERVER_RUNS } from './server-runs.ts';
import { serveTwice } from './server.ts';
import { suiteName } from './suite.ts';

/** In the order of docs/conformance.md. */
export const RUNS: readonly Run[] = [...SERVER_RUNS, ...CLIENT_RUNS, ...AUTHORIZATION_RUNS];

export async function runEvery(say: (title: string) => void): Promise<Results> {
  const runs: RecordedRun[] = [];
  await using servers = await serveTwice();
  for (const run of SERVER_RUNS) {
    say(run.title);
    runs.push(record(run, (await servers.try(run)).shielded));
  }
  for (const run of CLIENT_RUNS) {
    say(run.title);
    runs.push(record(run, (await tryClient(run)).found, isAboutAuthorization));
  }
  await using authority = await serveAuthority();
  for (const run of AUTHORIZATION_RUNS) {
    say(run.title);
    runs.push(record(run, await authority.try(run)));
  }
  return { suite: suiteName(), runs };
}
