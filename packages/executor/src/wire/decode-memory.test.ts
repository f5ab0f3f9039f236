/** What stays of a credential that an API shows in an answer in a coding, decoded here to be searched. */
import { after, before, test } from 'node:test';
import type { Injection } from '@dauth/protocol';
import { CODERS } from '../support/echo.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';

const INJECT: readonly Injection[] = [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }];

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(undefined, { isOverwritten: false })));
after(() => proof[Symbol.asyncDispose]());

for (const coding of Object.keys(CODERS))
  test(`[memory.clean] leaves no copy of a credential or its keys: echoed in a body in ${coding}`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    const sizes = ['', '&split', '&split&size=20000', '&size=200000'];
    await proof.assertClean(
      t,
      INJECT,
      sizes.map((how) => ({ target: `/?echo=body&coding=${coding}${how}` })),
    );
  });
