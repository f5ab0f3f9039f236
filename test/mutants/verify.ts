/** Defences of `verify`, the public-key half, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const TOKEN = 'test/dist/attacks/token.test.js';

export const VERIFY: readonly Mutant[] = [
  {
    claim: 'token.bound',
    file: 'packages/verify/src/dpop.ts',
    find: 'if (options.requireJkt !== undefined && jkt !== options.requireJkt)',
    replace: "if (options.requireJkt === '')",
    test: { file: TOKEN, name: '[token.bound] a stolen token with a proof by another key is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/token.ts',
    find: "  if (claimText(claims, 'aud', MAX_NAME, subject) !== options.audience)",
    replace: "  if (claimText(claims, 'aud', MAX_NAME, subject) === '')",
    test: {
      file: TOKEN,
      name: '[token.bound] a token for the MCP server is worth nothing at the authority or the executor',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/verify/src/replay.ts',
    find: 'if (this.#keys.size >= this.#capacity / 2 && held >= this.#perKey)',
    replace: 'if (held < 0)',
    test: {
      file: 'packages/verify/dist/replay.test.js',
      name: '[token.bound] one key cannot fill the store for the others: past its half a key has its quota',
    },
  },
];
