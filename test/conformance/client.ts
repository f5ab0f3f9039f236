/** The conformance suite at our client: `mcpProvider` and `createClient`, whichever a scenario is for. */
import type { ClientRun } from './client-runs.ts';
import { useAsHost } from './host.ts';
import { isForProgram, useAsProgram } from './program.ts';
import { serveRelay } from './relay.ts';
import type { Found } from './result.ts';
import { runSuite } from './suite.ts';

/** Of the suite, for one client: long enough for a machine with other things to do. */
const PATIENCE = ['--timeout', '100000'];

/** All that DAuth adds to the SDK's client; the other scenarios of a run try that client alone, and nothing answers them. */
export const isAboutAuthorization = (scenario: string): boolean => scenario.startsWith('auth/');

/** @returns what the suite found, and what the client threw, by scenario */
export async function tryClient({ args }: Pick<ClientRun, 'args'>): Promise<{
  readonly found: Found;
  readonly thrown: ReadonlyMap<string, string>;
}> {
  await using relay = await serveRelay(async (told, gone) => {
    if (isAboutAuthorization(told.scenario)) await (isForProgram(told) ? useAsProgram : useAsHost)(told, gone);
  });
  return {
    found: await runSuite(['client', '--command', relay.command, ...args, ...PATIENCE]),
    thrown: relay.thrown,
  };
}
