/**
 * What stays of the key of a client certificate once its last socket has closed: its numbers, as they stand in it and as OpenSSL
 * computes with them, its PEM, and the keys that would open its envelope again.
 */
import { after, before, test } from 'node:test';
import type { Injection } from '@dauth/protocol';
import { certifiedSockets, materialOf } from '../support/certified-key.test-support.ts';
import { issueClient, type ClientKind } from '../support/client-certificates.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';
import type { Material } from '../support/memory-sealed.test-support.ts';
import { TestCa } from '../support/upstreams.test-support.ts';

const MTLS: Injection = { scheme: 'mtls', certificate: '{certificate}', private_key: '{token}' };
const HEADER: Injection = { in: 'header', name: 'authorization', value: 'Bearer {second}' };
const { beside, closed } = certifiedSockets();
let ca: TestCa;
let proof: MemoryProof;
before(async () => {
  ca = await TestCa.create();
  const tls = { requestCert: true, rejectUnauthorized: true, ca: [ca.pem] };
  proof = await MemoryProof.open(beside, { tls });
});
after(() => proof[Symbol.asyncDispose]());

const CALLS = ['/', '/?echo=body&split', '/?echo=head'].map((target) => ({ target }));
const CASES: readonly (readonly [kind: ClientKind, format: 'pem' | 'der', inject: readonly Injection[]])[] = [
  ['RSA', 'pem', [MTLS]],
  ['P-256', 'pem', [MTLS]],
  ['P-256', 'der', [MTLS, HEADER]],
  ['Ed25519', 'pem', [MTLS]],
];
for (const [kind, format, inject] of CASES) {
  test(`[memory.clean] leaves no copy of a client's key of ${kind} in ${format} once its last socket has closed${inject.length > 1 ? ', nor of what a header had beside it' : ''}`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    const identities = [await issueClient(ca, kind), await issueClient(ca, kind)];
    const material = (): Material => materialOf(identities.pop()!, kind, format);
    await proof.assertClean(t, inject, CALLS, { material, closed });
  });
}

test('[memory.clean] the look finds what lies in the process', async (t) => {
  const { forbidden } = proof;
  if (forbidden !== null) return t.skip(forbidden);
  await proof.assertFinds();
});
