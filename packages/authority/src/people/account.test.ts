/** The account page: what it shows of a person, and what it lets them end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeHandle, parseOrigin } from '@dauth/protocol';
import type { Grant } from '../store/grants.ts';
import { addClient, MCP, makeWorld, quickly, revoke, START, type World } from '../world.test-support.ts';
import { assertRefusalPage, Browser, PERSON, signedIn } from './browser.test-support.ts';

const PASSWORD = 'several words make one';
const STORED = quickly().hash(PASSWORD);

async function addGrant(world: World, change: Partial<Grant> = {}): Promise<Grant> {
  const client = await addClient(world, { name: 'Helper <3' });
  const grant: Grant = {
    ...{ id: `grant-of-${client.id}`, kind: 'consent', owner: 'ada', org: 'default', client_id: client.id },
    ...{ resource: MCP, scopes: ['mcp:read'], details: null, expires_at: START + 86_400, created_at: START },
    ...change,
  };
  world.store.grants.add(grant);
  return grant;
}

test('the account shows who I am and who may act for me, and nothing of anybody else', async () => {
  const world = await makeWorld();
  const grant = await addGrant(world);
  for (const change of [{ owner: 'bob' }, { org: 'other' }, { client_id: 'operator' }]) await addGrant(world, change);
  const browser = signedIn(world);
  assert.equal((await browser.go('/account')).status, 200);
  for (const said of [
    'Ada Lovelace',
    '<dd>ada@example.org</dd>',
    '<strong><bdi>Helper &lt;3</bdi></strong>',
    'mcp:read',
  ])
    assert.ok(browser.text.includes(said), said);
  assert.match(browser.text, /Allowed by you since 2027-01-15, until 2027-01-16\./);
  const shown = [...browser.text.matchAll(/name="grant" value="([^"]*)"/g)].map(([, id]) => id);
  assert.deepEqual(shown, [grant.id]);
});

test('a name that turns the direction of writing around turns nothing of the page around', async () => {
  const world = await makeWorld();
  const [origin, actions] = [parseOrigin('https://api.github.com'), ['GET /user']];
  const detail = { type: 'dauth_connection' as const, locations: [origin] as const, actions };
  const names = ['\u202egithub', 'second'];
  const details = names.map((name, index) => ({ ...detail, name, identifier: makeHandle(index, new Uint8Array(10)) }));
  await addGrant(world, { details });
  const browser = signedIn(world);
  await browser.go('/account');
  assert.ok(browser.text.includes('Connections: <bdi>\u202egithub</bdi>, <bdi>second</bdi>.'), browser.text);
});

test('[revoke.fast] a person revokes a grant of theirs with one button', async () => {
  const world = await makeWorld();
  const grant = await addGrant(world);
  const browser = signedIn(world);
  await browser.go('/account');
  assert.equal((await browser.submit('/account/revoke', { grant: grant.id })).status, 303);
  assert.equal(world.store.changes.isRevoked('grant', grant.id), true);
  const [noted] = world.store.audit.operations(1);
  assert.deepEqual(noted, {
    ...{ time: START, actor: 'ada', asOperator: false, action: 'grant.revoke', subject: grant.id },
  });
  await browser.go('/account');
  assert.match(browser.text, /Nobody\. What you allow on a consent page is listed here\./);
});

test("somebody else's grant, another organisation's, the operator's own and none are one answer", async () => {
  const world = await makeWorld();
  const others = await Promise.all(
    [{ owner: 'bob' }, { org: 'other' }, { client_id: 'operator' }].map((change) => addGrant(world, change)),
  );
  const browser = signedIn(world);
  for (const grant of [...others.map(({ id }) => id), 'none', undefined]) {
    await browser.go('/account');
    const response = await browser.submit('/account/revoke', { grant });
    await assertRefusalPage(response, 404, 'There is no such permission of yours.');
    if (grant !== undefined) assert.equal(world.store.changes.isRevoked('grant', grant), false);
  }
});

test('each form of the account needs a session and the word of its page', async () => {
  const world = await makeWorld();
  for (const path of ['/account/revoke', '/account/sign-out-everywhere', '/account/password']) {
    const out = await new Browser(world).submit(path, {});
    await assertRefusalPage(out, 403, 'You are signed out. Sign in and do this again.');
    const browser = signedIn(world);
    const stale = 'This form is out of date. Go back, load the page again, and send it once more.';
    await assertRefusalPage(await browser.submit(path, { csrf: 'x' }), 403, stale);
  }
});

test('signing out everywhere ends every session of the person, and of nobody else', async () => {
  const world = await makeWorld();
  const [one, two] = [signedIn(world), signedIn(world)];
  const other = signedIn(world, { sub: 'bob', login: 'bob' });
  await one.go('/account');
  assert.match(one.text, /<p>Here, and in one other browser\.<\/p>/);
  assert.equal((await one.submit('/account/sign-out-everywhere', {})).status, 303);
  for (const browser of [one, two]) assert.equal((await browser.go('/account')).status, 303);
  assert.equal((await other.go('/account')).status, 200);
});

/** A body that waits: what happens meanwhile happens between the door and the write. */
async function whileSending(world: World, browser: Browser, path: string, form: string, between: () => void) {
  const [head, tail] = [form.slice(0, 3), form.slice(3)];
  const body = new ReadableStream(
    {
      start(controller) {
        controller.enqueue(Buffer.from(head));
      },
      pull(controller) {
        between();
        controller.enqueue(Buffer.from(tail));
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const headers = {
    ...{ cookie, origin: 'https://auth.example', accept: 'text/html' },
    'content-type': 'application/x-www-form-urlencoded',
  };
  return world.app.request(path, { method: 'POST', headers, body, duplex: 'half' } as RequestInit);
}

test('[revoke.fast] a person revoked while their form comes in changes nothing any more', async () => {
  const world = await makeWorld();
  const grant = await addGrant(world);
  const browser = signedIn(world);
  await browser.go('/account');
  const csrf = /name="csrf" value="([^"]*)"/.exec(browser.text)![1]!;
  const form = `csrf=${csrf}&grant=${grant.id}`;
  const late = await whileSending(world, browser, '/account/revoke', form, () => revoke(world, 'owner', 'ada'));
  await assertRefusalPage(late, 403, 'You are signed out. Sign in and do this again.');
  assert.equal(world.store.changes.isRevoked('grant', grant.id), false);
});

test('a new password needs the current one, takes its place, and ends every other session', async () => {
  const world = await makeWorld();
  world.store.people.addUser(PERSON, await STORED);
  const [browser, other] = [signedIn(world), signedIn(world)];
  await browser.go('/account');
  await browser.submit('/account/password', { current: 'something else', password: 'several words make two' });
  assert.match(browser.text, /id="current-wrong" role="alert">This is not your current password\.</);
  await browser.submit('/account/password', { current: PASSWORD, password: 'short' });
  assert.match(browser.text, /id="password-wrong" role="alert">A password has at least 12 characters\./);
  assert.equal(world.store.people.login('ada')?.password, await STORED);
  const before = browser.cookies.get('__Host-dauth-session');
  const response = await browser.submit('/account/password', { current: PASSWORD, password: 'several words make two' });
  assert.equal(response.status, 303, browser.text);
  assert.notEqual(browser.cookies.get('__Host-dauth-session'), before);
  assert.equal((await browser.go('/account')).status, 200);
  assert.equal((await other.go('/account')).status, 303);
  const stored = world.store.people.login('ada')?.password;
  assert.equal(await quickly().isRight('several words make two', stored), true);
  assert.equal(await quickly().isRight(PASSWORD, stored), false);
});

test('guesses at the current password count like guesses at the sign-in', async () => {
  const world = await makeWorld();
  world.store.people.addUser(PERSON, await STORED);
  const browser = signedIn(world);
  for (let count = 0; count < 10; count++) {
    await browser.go('/account');
    const form = { current: 'a wrong password', password: 'several words make two' };
    assert.equal((await browser.submit('/account/password', form)).status, 403);
  }
  await browser.go('/account');
  const right = await browser.submit('/account/password', { current: PASSWORD, password: 'several words make two' });
  await assertRefusalPage(right, 429, 'Too many tries did not work. Wait 10 minutes and try again.');
});
