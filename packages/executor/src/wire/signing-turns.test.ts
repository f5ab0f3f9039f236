/** Many tokens that are asked for with signatures at once: each is made in a turn of its own, and other calls go on between. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseInjections, type ConnectionHandle } from '@dauth/protocol';
import { callAndRead, upstreamFor } from '../support/calls.test-support.ts';
import { makePair } from '../support/signer.test-support.ts';
import { bearer, Dispatches, serveProvider, type Provider } from '../support/tokens.test-support.ts';
import { TestCa } from '../support/upstreams.test-support.ts';
import type { Upstream } from './upstream.ts';

const AT_ONCE = 16;
const key = makePair('RSA-2048').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
const handleOf = (i: number): ConnectionHandle =>
  `ddls:conn:01931e7a-2c4b-7abc-8def-${String(i).padStart(12, '0')}` as ConnectionHandle;

let provider: Provider;
let upstream: Upstream;
before(async () => {
  const ca = await TestCa.create();
  provider = await serveProvider(await ca.issue([{ type: 'dns', value: 'localhost' }]));
  provider.answer = (response, _, token) => response.end(bearer(token));
  upstream = upstreamFor(ca.pem);
});
after(async () => {
  await provider[Symbol.asyncDispose]();
  await upstream.close();
});

test('[dispatch.bound] while many signatures wait, each turn of the loop makes one of them, and other calls end between', async () => {
  const scheme = {
    scheme: 'jwt_bearer',
    endpoint: provider.endpoint,
    private_key: '{key}',
    alg: 'RS256',
    iss: 'robot',
  };
  const injections = parseInjections([scheme]);
  const dispatches = new Dispatches(upstream);
  const ordinary = () => callAndRead(upstream, provider.server.origin, { target: '/api' });
  await ordinary();
  let turn = 0;
  let counting = setImmediate(count);
  function count(): void {
    turn++;
    counting = setImmediate(count);
  }
  const signedAt = new Map<ConnectionHandle, number>();
  const running = Array.from({ length: AT_ONCE }, (_, i) => {
    const handle = handleOf(i);
    return dispatches.run(provider.server.origin, injections, {
      fields: { key },
      connection: { handle, ver: 1 },
      // Before what signs, and again before what is sent.
      beforeSend: () => void (signedAt.has(handle) || signedAt.set(handle, turn)),
    });
  });
  assert.equal((await ordinary()).status, 200);
  const signed = signedAt.size;
  const answers = await Promise.all(running);
  clearImmediate(counting);
  assert.ok(answers.every(({ status }) => status === 200));
  assert.ok(signed < AT_ONCE, `${signed} signatures were made before an ordinary call ended`);
  assert.equal(new Set(signedAt.values()).size, AT_ONCE);
  assert.equal(new Set(provider.asked.map(({ form }) => form.get('assertion'))).size, AT_ONCE);
});
