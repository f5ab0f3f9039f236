/** Defences of `mcp`, the untrusted host, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const TOKEN = 'test/dist/attacks/token.test.js';

export const MCP: readonly Mutant[] = [
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/protect.ts',
    find: 'if (!(await replay.consume(`${jkt}.${jti}`, keepUntil)))',
    replace: "if (!(await replay.consume(`${jkt}.${jti}`, keepUntil)) && jti === '')",
    test: { file: TOKEN, name: '[token.bound] a proof is good once' },
  },
];
