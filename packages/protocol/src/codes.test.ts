import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ERRORS } from './errors.ts';

test('the published table of codes is the one in force', () => {
  const published: unknown = JSON.parse(readFileSync(new URL('../../../vectors/codes.json', import.meta.url), 'utf8'));
  const table = Object.fromEntries(
    Object.entries(ERRORS).map(([code, { status, retryable, message }]) => [code, { status, retryable, message }]),
  );
  assert.deepEqual(published, table);
});
