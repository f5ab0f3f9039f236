/** What stays of a credential that stands in requests; of others see signed-memory and exchanged-memory, of answers in codings wire/decode-memory. */
import { after, before, test } from 'node:test';
import type { Injection } from '@dauth/protocol';
import type { CallOrder } from '../support/memory.child.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(undefined, { isOverwritten: false })));
after(() => proof[Symbol.asyncDispose]());

const CASES: readonly { name: string; inject: readonly Injection[]; calls: readonly Partial<CallOrder>[] }[] = [
  {
    name: 'GET and POST, buffered and streamed',
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
    calls: [{}, { method: 'POST', body: 'data'.repeat(500) }, { method: 'POST', body: 'data', stream: true }],
  },
  { name: 'basic', inject: [{ in: 'basic', user: 'robot', pass: '{token}' }], calls: [{}] },
  { name: 'basic, of two long fields', inject: [{ in: 'basic', user: '{second}', pass: '{token}' }], calls: [{}] },
  {
    name: 'query, path and cookie at once',
    inject: [
      { in: 'query', name: 'key', value: '{token}' },
      { in: 'path', segment: 0, value: 'bot{token}' },
      { in: 'cookie', name: 'sid', value: '{token}' },
    ],
    calls: [{}],
  },
  {
    name: 'echoed in the body',
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
    calls: [{ target: '/?echo=body&split' }, { target: '/?echo=body' }],
  },
  {
    name: 'echoed in header values and the reason phrase',
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
    calls: [{ target: '/?echo=head' }, { target: '/?echo=reason' }],
  },
  {
    // A cipher keeps the last block that it did not fill: 16 octets, and every place of the secret's end in them.
    name: 'echoed at the end of the body',
    inject: [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }],
    calls: Array.from({ length: 16 }, (_, size) => ({ target: `/?echo=end&size=${size}` })),
  },
];

for (const { name, inject, calls } of CASES) {
  test(`[memory.clean] leaves no copy of a credential or its keys: ${name}`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    await proof.assertClean(t, inject, calls);
  });
}

test('[memory.clean] the opening key is there as often after a load as before it', async (t) => {
  const { forbidden } = proof;
  if (forbidden !== null) return t.skip(forbidden);
  // The cases above were load enough for whatever is made once.
  await proof.assertKeyCount(t);
});

test('[memory.clean] the look is able to find a copy (positive control)', async (t) => {
  const { forbidden } = proof;
  if (forbidden !== null) return t.skip(forbidden);
  await proof.assertFinds();
});

test('[memory.clean] what nobody zeroed is found, though it was dropped and collected (positive control)', async (t) => {
  const { forbidden } = proof;
  if (forbidden !== null) return t.skip(forbidden);
  await proof.assertHolds();
});
