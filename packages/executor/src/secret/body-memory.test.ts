/** What stays of a credential that stands in bodies. */
import { after, before, test } from 'node:test';
import type { Injection } from '@dauth/protocol';
import type { CallOrder } from '../support/memory.child.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(undefined, { isOverwritten: false })));
after(() => proof[Symbol.asyncDispose]());

/** A caller's body for a slot in it, buffered and streamed, in one TLS record and in many, and echoed. */
function bodies(type: string, small: string, large: string): readonly Partial<CallOrder>[] {
  const order = { method: 'POST', type };
  return [
    { ...order, body: small },
    { ...order, body: small, stream: true },
    { ...order, body: large },
    { ...order, body: large, stream: true },
    { ...order, body: small, target: '/?echo=body&split' },
  ];
}

const PADDING = 'x'.repeat(90_000);
/** What each credential begins with is written with escapes where it stands. */
const CASES: readonly { name: string; prefix: string; slot: Injection; calls: readonly Partial<CallOrder>[] }[] = [
  {
    name: 'in a JSON body, buffered and streamed',
    slot: { in: 'body', pointer: '/auth/key', value: 'Bearer {token}' },
    calls: bodies('application/json', '{"auth":{}}', `{"pad":"${PADDING}","auth":{"id":1}}`),
    prefix: 'g"h\\p_',
  },
  {
    name: 'in a form, buffered and streamed',
    slot: { in: 'body', field: 'client_secret', value: 'k {token}' },
    calls: bodies('application/x-www-form-urlencoded', 'a=1', `a=1&pad=${PADDING}`),
    prefix: 'g&h=p_',
  },
];

for (const { name, slot, calls, prefix } of CASES) {
  test(`[memory.clean] leaves no copy of a credential or its keys: ${name}`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    await proof.assertClean(t, [slot], calls, { prefix });
  });
}
