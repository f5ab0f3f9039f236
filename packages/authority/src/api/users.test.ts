/** People over HTTP: who may invite, what an invitation gives, and that nobody is invited twice as somebody else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Browser } from '../people/browser.test-support.ts';
import { addClient, call, ISSUER, makeWorld, START, type World } from '../world.test-support.ts';
import { assertProblem } from '../refused.test-support.ts';

interface Invited {
  readonly sub: string;
  readonly login: string;
  readonly code: string;
}

async function invite(world: World, body: object): Promise<Invited> {
  const response = await call(world, world.operator, 'POST', '/users', body);
  const text = await response.text();
  assert.equal(response.status, 201, text);
  return JSON.parse(text) as Invited;
}

async function accept(world: World, code: string, login: string): Promise<Browser> {
  const browser = new Browser(world);
  await browser.go('/first-run');
  await browser.submit('/first-run', { code, login, password: 'several words make one' });
  return browser;
}

test('an invitation is a code for one login, with a fresh owner or the one that was named', async () => {
  const world = await makeWorld();
  const { sub, code, ...rest } = await invite(world, { login: 'Ada', name: 'Ada Lovelace', email: 'ada@example.org' });
  assert.match(sub, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    ...{ login: 'ada', name: 'Ada Lovelace', email: 'ada@example.org', org: 'default', role: 'member' },
    ...{ url: `${ISSUER}/first-run`, expires_at: START + 7 * 86_400 },
  });
  const other = await accept(world, code, 'eve');
  assert.match(other.text, /id="login-wrong" role="alert">This code is for another login\./);
  const browser = await accept(world, code, 'ada');
  await browser.go('/account');
  assert.match(browser.text, /<h1>Ada Lovelace<\/h1>/);
  assert.ok(browser.text.includes(`<code>${sub}</code>`) && browser.text.includes('ada@example.org'));
  const named = await invite(world, { login: 'runner', owner: 'team-7' });
  assert.equal(named.sub, 'team-7');
});

test('people are listed without their passwords', async () => {
  const world = await makeWorld();
  const { code, sub } = await invite(world, { login: 'ada' });
  await accept(world, code, 'ada');
  const response = await call(world, world.operator, 'GET', '/users');
  const user = { sub, org: 'default', login: 'ada', name: 'ada', email: null, role: 'member', created_at: START };
  assert.deepEqual(await response.json(), { items: [user], next: null });
});

test('a second invitation takes the place of the first; one for somebody who is here is refused', async () => {
  const world = await makeWorld();
  const first = await invite(world, { login: 'ada' });
  const second = await invite(world, { login: 'ada' });
  const late = await accept(world, first.code, 'ada');
  assert.match(late.text, /This code is wrong, was used, or has ended\./);
  await accept(world, second.code, 'ada');
  for (const body of [{ login: 'ada' }, { login: 'eve', owner: second.sub }])
    await assertProblem(
      await call(world, world.operator, 'POST', '/users', body),
      ...([409, 'CONFLICT', 'That login or owner belongs to a person already.'] as const),
    );
});

test('only an operator invites and lists', async () => {
  const world = await makeWorld();
  const client = await addClient(world);
  for (const [method, body] of [
    ['POST', { login: 'eve' }],
    ['GET', undefined],
  ] as const)
    await assertProblem(await call(world, client, method, '/users', body), 403, 'FORBIDDEN', /dauth:admin/);
});

test('an invitation with a wrong member says which', async () => {
  const world = await makeWorld();
  for (const [body, sentence] of [
    [{}, 'A user needs the member "login".'],
    [{ login: 'a b' }, /^A login is 1 to 64 letters/],
    [{ login: 'ada', role: 'root' }, '"role" must be one of admin, member.'],
    [{ login: 'ada', email: 'x' }, 'An email address is written name@example.org.'],
    [{ login: 'ada', password: 'x' }, 'A user has a member that is not defined for it.'],
  ] as const)
    await assertProblem(await call(world, world.operator, 'POST', '/users', body), 400, 'INVALID_REQUEST', sentence);
});
