/** What stays of a credential that signs requests, and of the keys that are made of it. */
import { after, before, test } from 'node:test';
import { parseInjections, type Injection } from '@dauth/protocol';
import { deriveAwsKeys } from '../support/aws.test-support.ts';
import type { CallOrder } from '../support/memory.child.test-support.ts';
import { MemoryProof } from '../support/memory.test-support.ts';

let proof: MemoryProof;
before(async () => (proof = await MemoryProof.open(undefined, { isOverwritten: false })));
after(() => proof[Symbol.asyncDispose]());

/** What signs for today in the place of the secret. */
function keysMadeOf(secret: Buffer): Record<string, Buffer> {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const [date, region, service, signing] = deriveAwsKeys(secret.toString(), day, 'eu-west-1', 's3');
  const decoded = Buffer.from(secret.toString(), 'base64');
  return { kDate: date!, kRegion: region!, kService: service!, kSigning: signing!, 'decoded key': decoded };
}

const CASES: readonly { name: string; inject: readonly Injection[]; calls: readonly Partial<CallOrder>[] }[] = [
  ...(['header', 'query'] as const).map((place) => ({
    name: `signing by aws_sigv4, in the ${place}`,
    inject: parseInjections([
      {
        ...{ scheme: 'aws_sigv4', access_key: 'AKIDEXAMPLE', secret_key: '{token}', session_token: '{second}' },
        ...{ region: 'eu-west-1', service: 's3', place },
      },
    ]),
    calls: [{}, { method: 'POST', body: 'data'.repeat(500) }, { target: '/?echo=body&split' }],
  })),
  {
    name: 'signing by aws_sigv4, piece by piece',
    inject: parseInjections([
      {
        ...{ scheme: 'aws_sigv4', access_key: 'AKIDEXAMPLE', secret_key: '{token}', session_token: '{second}' },
        ...{ region: 'eu-west-1', service: 's3', payload: 'chunks' },
      },
    ]),
    calls: [
      { method: 'POST', body: 'data'.repeat(40_000), stream: true },
      { method: 'POST', body: 'x', stream: true, target: '/?echo=body&split' },
    ],
  },
  {
    name: 'signing by oauth1',
    inject: parseInjections([
      {
        ...{ scheme: 'oauth1', consumer_key: 'a-key', consumer_secret: '{token}' },
        ...{ token: '{second}', token_secret: '{token}', hash: 'sha256' },
      },
    ]),
    calls: [{}, { method: 'POST', body: 'data'.repeat(500) }, { target: '/?echo=body&split' }],
  },
  {
    name: 'signing by hmac, with a key in base64',
    inject: parseInjections([
      {
        ...{
          scheme: 'hmac',
          key: '{token}',
          key_encoding: 'base64',
          hash: 'sha512',
          encoding: 'base64',
          timestamp: 'ms',
        },
        ...{
          sign: '{@timestamp}{second}{@target}{@body}',
          digest: { hash: 'sha256', of: '{second}', encoding: 'hex' },
        },
        put: [
          { in: 'header', name: 'x-second', value: '{second} {@digest}' },
          { in: 'query', name: 'signed', value: '{@timestamp}{@signature}' },
        ],
      },
    ]),
    calls: [{}, { method: 'POST', body: 'data'.repeat(500) }, { target: '/?echo=body&split' }],
  },
];

for (const { name, inject, calls } of CASES) {
  test(`[memory.clean] leaves no copy of a credential or its keys: ${name}`, async (t) => {
    const { forbidden } = proof;
    if (forbidden !== null) return t.skip(forbidden);
    await proof.assertClean(t, inject, calls, { made: keysMadeOf });
  });
}

test('[memory.clean] the look for what signs is able to find a copy (positive control)', async (t) => {
  const { forbidden } = proof;
  if (forbidden !== null) return t.skip(forbidden);
  await proof.assertFinds();
});
