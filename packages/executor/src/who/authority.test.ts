/** Whose word ends a reseal: the authority's own, and nobody's who stands before it. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { ConnectionHandle } from '@dauth/protocol';
import { JwksCache } from '@dauth/verify';
import { makeSigner } from '../support/signer.test-support.ts';
import { trustStore } from '../wire/dial.ts';
import { connectAuthority, type Authority } from './authority.ts';

const HANDLE = 'ddls:conn:01931e7a-2c4b-7abc-8def-000000000001' as ConnectionHandle;

async function answeredBy(
  t: TestContext,
  listener: RequestListener,
): Promise<{ issuer: string; authority: Authority }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const identity = { jkt: 'x', jwk: {} as never, sign: () => 'a.b.c' };
  const authority = connectAuthority({ issuer, identity, trust: () => trustStore([]), now: () => 0 });
  t.after(async () => {
    await authority.close();
    server.closeAllConnections();
    server.close();
  });
  return { issuer, authority };
}

async function storedAt(t: TestContext, status: number, body: string): Promise<number | null> {
  const { authority } = await answeredBy(t, (request, response) => {
    request.resume().on('end', () => response.writeHead(status).end(body));
  });
  return authority.storeReseal(HANDLE, 'envelope', 'a.b.c');
}

const problem = (code: string): string => JSON.stringify({ code, detail: 'said by the authority' });

for (const [status, code] of [
  [403, 'CONNECTION_REVOKED'],
  [404, 'CONNECTION_NOT_FOUND'],
  [409, 'CONFLICT'],
] as const)
  test(`a reseal ends where the authority says ${code}`, async (t) =>
    assert.equal(await storedAt(t, status, problem(code)), null));

const OTHERS: Readonly<Record<string, readonly [status: number, body: string]>> = {
  'a page that is not there': [404, '<html><body>default backend - 404</body></html>'],
  'a firewall': [403, '{"message":"Forbidden"}'],
  'a conflict of somebody else': [409, '"CONFLICT"'],
  'an answer without one': [404, ''],
  'the authority that does not know the executor': [403, problem('FORBIDDEN')],
  'the authority that is out of order': [500, problem('INTERNAL')],
};
for (const [who, [status, body]] of Object.entries(OTHERS))
  test(`[crash.safe] a reseal is not given up for the word of ${who}`, async (t) =>
    assert.rejects(storedAt(t, status, body), { code: 'ENCLAVE_UNAVAILABLE' }));

const KEY = { ...makeSigner().jwk, kid: 'one' };
const KEYS = JSON.stringify({ keys: [KEY] });
const JSON_TYPE = { 'content-type': 'application/json' };

async function keyOf(t: TestContext, listener: RequestListener): Promise<string> {
  const { issuer, authority } = await answeredBy(t, listener);
  const jwks = new JwksCache({ url: `${issuer}/jwks.json`, fetch: authority.fetch, now: () => 0, timeoutMs: 500 });
  return (await jwks.resolve('one', 'ES256')).jkt;
}

test('the keys of the authority are read over its own connections', async (t) =>
  assert.match(await keyOf(t, (_, response) => response.writeHead(200, JSON_TYPE).end(KEYS)), /^[\w-]{43}$/));

const NO_KEYS: Readonly<Record<string, RequestListener>> = {
  'a redirect to them': ({ url }, response) =>
    url === '/keys'
      ? response.writeHead(200, JSON_TYPE).end(KEYS)
      : response.writeHead(302, { ...JSON_TYPE, location: '/keys' }).end(KEYS),
  'another type': (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(KEYS),
  'no type': (_, response) => response.writeHead(200).end(KEYS),
  'another status, with more to come': (_, response) =>
    void response.writeHead(503, JSON_TYPE).write('x'.repeat(100_000)),
  'an answer that breaks off': (_, response) =>
    void response.writeHead(200, { ...JSON_TYPE, 'content-length': '9999' }).write(KEYS, () => response.destroy()),
  'an answer that does not end': (_, response) => void response.writeHead(200, JSON_TYPE).write(KEYS),
  'more than keys take': (_, response) => response.writeHead(200, JSON_TYPE).end(KEYS + ' '.repeat(70_000)),
};
for (const [what, listener] of Object.entries(NO_KEYS))
  test(`no keys are ${what}, and nothing else comes of it`, async (t) =>
    assert.rejects(keyOf(t, listener), { code: 'ENCLAVE_UNAVAILABLE' }));
