import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { callAndRead, upstreamFor } from '../support/calls.test-support.ts';
import { serveHttps, TestCa, type Identity } from '../support/upstreams.test-support.ts';

let ca: TestCa;
let identity: Identity;
before(async () => {
  ca = await TestCa.create();
  identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
});

test('sends the credential as bytes in its slot and passes the answer on', async () => {
  let seen: string | undefined;
  await using server = await serveHttps(identity, (request, response) => {
    seen = request.headers.authorization;
    response.setHeader('x-kept', 'yes').end(`hello ${request.url}`);
  });
  const upstream = upstreamFor(ca.pem);
  const answer = await callAndRead(upstream, server.origin, { target: '/a/b?c=d' });
  assert.equal(seen, 'Bearer sk_test_secret_value_0001');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-kept'], 'yes');
  assert.equal(answer.body.toString(), 'hello /a/b?c=d');
  assert.deepEqual(answer.outcome, { status: 200, bytes: 14, redactions: 0, error: null });
  await upstream.close();
});
