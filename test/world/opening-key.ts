/**
 * The executor's opening key as the octets to search for. Read from its file by the searching test alone, which plays nobody;
 * never handed to a process but the scanner.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stack } from './stack.ts';

/** Where the executor of a stack keeps what is its own; nothing of the authority's is there. */
export function executorData({ ready }: Stack): string {
  return join(ready.data, 'executor');
}

/** The raw private octets: `d` of `opening.jwk`, whose base64url form is one of the spellings that are searched. */
export async function readOpeningKey(stack: Stack): Promise<Buffer> {
  const { d } = JSON.parse(await readFile(join(executorData(stack), 'opening.jwk'), 'utf8')) as { d: string };
  const raw = Buffer.from(d, 'base64url');
  assert.equal(raw.length, 32, 'an X25519 key');
  return raw;
}
