/**
 * The executor's process: hardened first, then loaded. Takes its configuration as JSON in `DAUTH_RESOLVED_CONFIG`, says
 * `listening` on stdout, logs on stderr, drains on SIGTERM. Started by `launch.js`, which sets what is checked here.
 * Never loads anything that reads a key before the checks have passed.
 */
import type { ExecutorConfig } from './config.ts';
import { dieQuietly, findRefusals, keepInspectorShut, readStartFacts } from './harden.ts';

/**
 * Whoever starts this tells an address in use from the rest (docs/cli.md), and a configuration that contradicts itself, which is
 * for whoever wrote it to mend.
 */
const [EXIT_FAILED, EXIT_CONFIG, EXIT_CONFLICT] = [1, 2, 8];

keepInspectorShut();
dieQuietly();
const json = process.env.DAUTH_RESOLVED_CONFIG ?? '';
delete process.env.DAUTH_RESOLVED_CONFIG;
const refusals = findRefusals(readStartFacts());
if (refusals.length > 0) end(refusals);
// Side by side: reading the files of both is most of a start, and loading makes nothing.
const [{ configSentence, isAddressInUse, parseConfig }, { run }] = await Promise.all([
  import('./config.ts'),
  import('./run.ts'),
]);
const config = readConfig();
try {
  await run(config);
} catch (error) {
  end([configSentence(error)], isAddressInUse(error) ? EXIT_CONFLICT : EXIT_FAILED);
}

function readConfig(): ExecutorConfig {
  try {
    return parseConfig(json);
  } catch (error) {
    return end([configSentence(error)], EXIT_CONFIG);
  }
}

function end(sentences: readonly string[], code = EXIT_FAILED): never {
  for (const reason of sentences) process.stderr.write(`${JSON.stringify({ event: 'refused', reason })}\n`);
  process.exit(code);
}
