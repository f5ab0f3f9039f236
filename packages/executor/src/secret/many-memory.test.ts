/** What stays of a credential now and then: one call in thousands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS } from '../support/memory-kinds.test-support.ts';
import { measureKinds } from '../support/memory-run.test-support.ts';
import { isClean } from '../support/memory-table.test-support.ts';

const NAME =
  '[memory.clean] ten thousand dispatches leave no copy of a credential or its keys, and no more of the opening key';

// A machine that does other work takes minutes for it.
test(NAME, { timeout: 480_000 }, async (t) => {
  const measured = await measureKinds(KINDS.header.slice(0, 1), { numbers: [1, 10_000] });
  if (typeof measured === 'string') return t.skip(measured);
  assert.ok(isClean(measured), JSON.stringify(measured));
});
