/** A caller that stops sending is an event of its own, never a defect to look into. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { test } from 'node:test';
import { Hono } from 'hono';
import { installEdge, readJson, type HttpEnv } from './http.ts';
import type { LogEvent } from './log.ts';
import { listen } from './serve.ts';
import { makeWorld } from './world.test-support.ts';
import { assertProblem } from './refused.test-support.ts';

const REFUSAL = /^The body of the request ended before it was whole\.$/;
const broken = (): ReadableStream => new ReadableStream({ pull: (controller) => controller.error(new Error('gone')) });

test('a token request whose body breaks off is answered and logged as that', async () => {
  const world = await makeWorld();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const init = { method: 'POST', headers, body: broken(), duplex: 'half' as const };
  await assertProblem(await world.app.request('/token', init), 400, 'INVALID_REQUEST', REFUSAL);
  const { request_id, ...event } = world.events.at(-1)!;
  assert.deepEqual(event, { event: 'body_aborted', code: 'INVALID_REQUEST', method: 'POST', route: '/token' });
  assert.equal(typeof request_id, 'string');
});

test('a caller that hangs up in the middle of its body is logged as that, and not as INTERNAL', async () => {
  const app = new Hono<HttpEnv>();
  const logged = new EventTarget();
  const events: LogEvent[] = [];
  const log = (event: LogEvent): void => {
    events.push(event);
    logged.dispatchEvent(new Event('one'));
  };
  installEdge(app, { log, newId: () => 'an-id-of-this-test', issuer: 'https://auth.example' });
  app.post('/body', async (c) => c.json(await readJson(c)));
  const server = await listen(app, { host: '127.0.0.1', port: 0, newId: () => 'id', closing: new AbortController() });
  try {
    const isLogged = once(logged, 'one');
    const headers = { 'content-type': 'application/json', 'content-length': '100' };
    const call = request({ host: '127.0.0.1', port: server.port, method: 'POST', path: '/body', headers });
    call.on('error', () => undefined);
    call.write('{"a":', () => call.destroy());
    await isLogged;
    assert.deepEqual(
      events.map(({ event, code }) => [event, code]),
      [['body_aborted', 'INVALID_REQUEST']],
    );
  } finally {
    await server.close(1_000);
  }
});
