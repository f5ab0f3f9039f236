/** A login and what is captured out of its answers, as their owner sees them: each names the other, and is stored like any. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { makeHandle, type EnvelopePolicy } from '@dauth/protocol';
import { allow, seal, submission } from '../sealed.test-support.ts';
import { addClient, addServer, call, makeWorld, START } from '../world.test-support.ts';

interface Shown {
  readonly name: string;
  readonly captured_into?: string;
  readonly captured_from?: string;
}

test('a login is shown with what it is captured into, and that with the login', async () => {
  const world = await makeWorld();
  await addServer(world);
  const client = await addClient(world);
  const [login, session] = [0, 1].map(() => makeHandle(START * 1_000, randomBytes(10)));
  const of = (change: object) => submission(seal(world, client.id, client.key, change as Partial<EnvelopePolicy>));
  const captured = { from: login, fields: ['token'], lifetime: 60 };
  const capture = { into: session, fields: [{ pointer: '/token', field: 'token' }] };
  const where = [allow('https://api.github.com', ['POST'], ['/login'])];
  for (const made of [
    of({ handle: session, connection: 'shop', captured }),
    of({ handle: login, connection: 'shop-login', capture, allow: where }),
  ]) {
    const answer = await call(world, client, 'POST', '/connections', made);
    assert.equal(answer.status, 201, await answer.clone().text());
  }
  const { items } = (await (await call(world, client, 'GET', '/connections')).json()) as { items: readonly Shown[] };
  assert.deepEqual(
    items
      .map(({ name, captured_into, captured_from }) => ({ name, captured_into, captured_from }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    [
      { name: 'shop', captured_into: undefined, captured_from: login },
      { name: 'shop-login', captured_into: session, captured_from: undefined },
    ],
  );
});
