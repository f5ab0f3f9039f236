/** What an exchange of a refresh token needs of the way out: it outlives its connection, and both versions are looked for. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { callAndRead, HANDLE, plaintextOf, upstreamFor } from '../support/calls.test-support.ts';
import { serveHttps, TestCa, type TestServer } from '../support/upstreams.test-support.ts';
import { until } from '../support/until.test-support.ts';
import type { Upstream } from './upstream.ts';

let server: TestServer;
let upstream: Upstream;
const waiting: ServerResponse[] = [];
let body = '';
before(async () => {
  const ca = await TestCa.create();
  server = await serveHttps(await ca.issue([{ type: 'dns', value: 'localhost' }]), (request, response) => {
    if (request.url === '/wait') waiting.push(response);
    else response.end(body);
  });
  upstream = upstreamFor(ca.pem);
});
after(async () => {
  await upstream.close();
  await server[Symbol.asyncDispose]();
});

test('[crash.safe] a call that has to end by itself is not reset with its connection, and shares no socket with others', async () => {
  const [steadfast, usual] = [true, false].map((isSteadfast) =>
    callAndRead(upstream, server.origin, { target: '/wait', isSteadfast }).then(
      ({ body }) => body.toString(),
      (error: unknown) => (error instanceof DAuthError ? error.code : error),
    ),
  );
  await until('both are asked', () => waiting.length === 2);
  assert.notEqual(waiting[0]!.socket, waiting[1]!.socket);
  upstream.reset(HANDLE);
  assert.equal(await usual, 'CONNECTION_REVOKED');
  for (const response of waiting) response.end('all of it');
  assert.equal(await steadfast, 'all of it');
});

test('[response.clean] an answer is searched for what the version before held, too', async () => {
  const [old, now] = ['sk_former_secret_value_01', 'sk_current_secret_value_2'];
  body = JSON.stringify([old, now, Buffer.from(old).toString('base64')]);
  const options = { fields: { token: now }, former: () => plaintextOf({ token: old }) };
  const { body: said, outcome } = await callAndRead(upstream, server.origin, options);
  for (const value of [old, now, Buffer.from(old).toString('base64')]) assert.equal(said.includes(value), false);
  assert.equal(outcome.redactions, 3);
});
