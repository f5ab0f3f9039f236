/** spec/storage.md against the code: every table that the authority makes has its row there, and nothing else has. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const ROOT = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

test('every table of the authority is on the page of what is stored, and every row there is one', () => {
  const [, section] = /^## Authority[^\n]*\n([^]*?)^## /m.exec(read('spec/storage.md'))!;
  const rows = section!.split('\n').flatMap((line) => /^\| (`[^|]+) \|/.exec(line)?.[1] ?? []);
  const said = rows.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
  const made = [...read('packages/authority/src/store/schema.ts').matchAll(/CREATE TABLE (?:IF NOT EXISTS )?(\w+)/g)];
  assert.deepEqual(said.sort(), made.map(([, name]) => name!).sort());
});
