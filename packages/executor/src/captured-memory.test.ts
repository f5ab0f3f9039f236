/** What stays of a credential that an answer was: of the token, of what it was sealed again with, and of the login it came for. */
import { after, before, test } from 'node:test';
import { capturedLogin } from './support/captured-login.test-support.ts';
import { MemoryProof } from './support/memory.test-support.ts';

const { beside, use } = capturedLogin();
let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(beside, { isOverwritten: false })));
after(() => proof[Symbol.asyncDispose]());

test('[memory.clean] leaves no copy of a token that is captured, nor of the login that it was the answer to', async (t) => {
  const { forbidden } = proof;
  if (forbidden !== null) return t.skip(forbidden);
  await proof.assertClean(t, use.inject, use.calls, use.look);
});
