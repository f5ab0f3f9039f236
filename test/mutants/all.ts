/** Every mutant, in the order of the rooms. */
import { AUTHORITY } from './authority.ts';
import { CLI } from './cli.ts';
import { CLIENT } from './client.ts';
import { EXECUTOR } from './executor.ts';
import { MCP } from './mcp.ts';
import type { Mutant } from './mutant.ts';
import { PROTOCOL } from './protocol.ts';
import { VERIFY } from './verify.ts';

export const MUTANTS: readonly Mutant[] = [
  ...[...PROTOCOL, ...VERIFY, ...CLIENT, ...MCP],
  ...[...AUTHORITY, ...EXECUTOR, ...CLI],
];
