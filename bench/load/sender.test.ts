/** What a caller sends that depends on what it was answered. */
import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { closedLoop } from './loops.ts';
import { makeSender } from './sender.ts';

/** Takes each refresh token once, and gives another, as long as it gives any. */
async function serveRotating(most: number): Promise<{ readonly server: Server; readonly shown: string[] }> {
  const shown: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      shown.push(new URLSearchParams(body).get('refresh_token') ?? '');
      response.end(JSON.stringify(shown.length > most ? {} : { refresh_token: `next-${shown.length}` }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, shown };
}

async function refresh(server: Server, callers: number, requests: number) {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // By way of octets: Node 20 may lock itself up while it writes a key that it has just made as a JWK.
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { format: 'pem', type: 'spki' },
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
  });
  const key = createPrivateKey(privateKey).export({ format: 'jwk' }) as Record<string, string>;
  const form = { form: { grant_type: 'refresh_token' }, clientId: 'app', key, audience: origin };
  const wanted = Array.from({ length: callers }, (_, at) => ({
    ...{ path: '/token', headers: [], form, refreshToken: `first-${at}` },
  }));
  const sender = makeSender({ target: { origin, method: 'POST', wanted }, callers, requests, warmUp: 0 });
  const done = await closedLoop(sender, callers, requests);
  await sender.close();
  return done;
}

test('each refresh token is sent once, and the next one is what the answer gave', async () => {
  const { server, shown } = await serveRotating(20);
  const { failures } = await refresh(server, 4, 20);
  server.close();
  assert.deepEqual(failures, {});
  assert.equal(new Set(shown).size, 20);
  assert.deepEqual(
    shown.filter((token) => token.startsWith('first-')).toSorted(),
    [0, 1, 2, 3].map((at) => `first-${at}`),
  );
});

test('an answer without a refresh token is a failure', async () => {
  const { server } = await serveRotating(2);
  const { failures } = await refresh(server, 1, 3);
  server.close();
  assert.deepEqual(failures, { 'an answer without a refresh token': 1 });
});
