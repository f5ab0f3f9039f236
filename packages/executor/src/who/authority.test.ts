/** Whose word ends a reseal: the authority's own, and nobody's who stands before it. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { ConnectionHandle } from '@dauth/protocol';
import { trustStore } from '../wire/dial.ts';
import { connectAuthority } from './authority.ts';

const HANDLE = 'ddls:conn:01931e7a-2c4b-7abc-8def-000000000001' as ConnectionHandle;

async function storedAt(t: TestContext, status: number, body: string): Promise<number | null> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status).end(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const identity = { jkt: 'x', jwk: {} as never, sign: () => 'a.b.c' };
  const authority = connectAuthority({ issuer, identity, trust: trustStore([]), now: () => 0 });
  t.after(async () => {
    await authority.close();
    server.close();
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
