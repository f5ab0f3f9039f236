/** What stays of a credential that opened a WebSocket and was echoed over it. */
import { after, before, test } from 'node:test';
import type { Injection } from '@dauth/protocol';
import { MemoryProof } from '../support/memory.test-support.ts';

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(undefined, { isOverwritten: false })));
after(() => proof[Symbol.asyncDispose]());

const CALLS = ['/', '/?echo', '/?echo&early', '/?early'].map((target) => ({ target, webSocket: true }));
const CASES: readonly (readonly [name: string, slot: Injection])[] = [
  ['in a header', { in: 'header', name: 'authorization', value: 'Bearer {token}' }],
  ['in the query', { in: 'query', name: 'key', value: '{token}' }],
];
for (const [name, slot] of CASES) {
  test(`[memory.clean] leaves no copy of a credential or its keys: of a WebSocket, ${name}`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    await proof.assertClean(t, [slot], CALLS);
  });
}
