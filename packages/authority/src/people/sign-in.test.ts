/** Signing in and out: the right password, everything else, and how often one may guess. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { makeWorld, quickly, revoke, type World } from '../world.test-support.ts';
import { assertRefusalPage, Browser, PERSON, signedIn } from './browser.test-support.ts';
import { Passwords } from './password.ts';

const PASSWORD = 'several words make one';
const STORED = quickly().hash(PASSWORD);
const WRONG = 'This login and this password do not belong together.';
const LIMITED = 'Too many tries did not work. Wait 10 minutes and try again.';

async function makePeople(): Promise<World> {
  const world = await makeWorld();
  world.store.people.addUser(PERSON, await STORED);
  world.store.people.addUser({ ...PERSON, sub: 'bob', login: 'bob' }, await STORED);
  return world;
}

async function signIn(browser: Browser, login: string, password: string, next = ''): Promise<Response> {
  await browser.go(`/sign-in${next}`);
  const known = /name="next" value="([^"]*)"/.exec(browser.text)?.[1]?.replaceAll('&amp;', '&');
  return browser.submit('/sign-in', { login, password, next: known });
}

test('the right password signs in, by whatever capitals and width the login is typed, and leads to the account', async () => {
  const world = await makePeople();
  for (const login of ['ada', ' ADA', 'ａｄａ']) {
    const browser = new Browser(world);
    const response = await signIn(browser, login, PASSWORD);
    assert.equal(response.status, 303, browser.text);
    assert.equal(response.headers.get('location'), '/account');
    assert.equal((await browser.go('/account')).status, 200);
  }
});

test('a wrong password and an unknown login are one answer, byte for byte', async () => {
  const world = await makePeople();
  const pages = await Promise.all(
    [
      ['ada', 'several words make two'],
      ['mallory', PASSWORD],
      ['', ''],
    ].map(async ([login, password]) => {
      const browser = new Browser(world);
      const response = await signIn(browser, login!, password!);
      assert.equal(response.status, 403);
      assert.equal(browser.cookies.has('__Host-dauth-session'), false);
      return browser.text
        .replace(/ value="[^"]*"/g, '')
        .replace(/ autofocus/g, '')
        .replace(/<code>[^<]*/, '');
    }),
  );
  assert.ok(pages[0]!.includes(`role="alert">${WRONG}<`), pages[0]);
  assert.equal(pages[0], pages[1]);
  assert.equal(pages[0], pages[2]);
  assert.ok(!JSON.stringify(world.events).includes('mallory'));
});

test('ten wrong passwords stop a login for ten minutes, known or not, also at the same moment, and nobody else', async () => {
  const world = await makePeople();
  for (const login of ['ada', 'eve']) {
    const tries = await Promise.all(
      Array.from({ length: 12 }, () => signIn(new Browser(world), login, 'a wrong password')),
    );
    assert.deepEqual(
      tries.map(({ status }) => status).sort((a, b) => a - b),
      [...Array<number>(10).fill(403), 429, 429],
    );
    const limited = await signIn(new Browser(world), login, PASSWORD);
    assert.equal(limited.headers.get('retry-after'), '600');
    await assertRefusalPage(limited, 429, LIMITED);
  }
  assert.equal((await signIn(new Browser(world), 'bob', PASSWORD)).status, 303);
  world.clock.now += 600;
  assert.equal((await signIn(new Browser(world), 'ada', PASSWORD)).status, 303);
});

test('a password changed while the old one is looked at is the only one that works', async () => {
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  let finish: () => void = () => undefined;
  const passwords = new Passwords(async (password, salt) => {
    begin();
    await new Promise<void>((resolve) => (finish = resolve));
    return createHmac('sha256', salt).update(password).digest();
  });
  const world = await makeWorld({ passwords });
  world.store.people.addUser(PERSON, await STORED);
  const browser = new Browser(world);
  const signing = signIn(browser, 'ada', PASSWORD);
  await Promise.race([begun, signing]);
  world.store.people.setPassword('ada', await quickly().hash('several words make two'));
  finish();
  assert.equal((await signing).status, 403);
});

test('right passwords do not count', async () => {
  const world = await makePeople();
  for (let count = 0; count < 11; count++)
    assert.equal((await signIn(new Browser(world), 'ada', PASSWORD)).status, 303);
});

test('a person leads back to where they came from, and nowhere else', async () => {
  const world = await makePeople();
  const way = '/authorize?client_id=a&redirect_uri=https://client.example/cb';
  const browser = new Browser(world);
  const response = await signIn(browser, 'ada', PASSWORD, `?next=${encodeURIComponent(way)}`);
  // No redirect: Chromium would hold those that follow it to this form's policy, which leads home only.
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('refresh'), `0;url=${way}`);
  assert.ok(browser.text.includes(`<a href="${way.replace('&', '&amp;')}">Go on</a>`), browser.text);
  // Signed in already: on at once.
  assert.equal((await browser.go(`/sign-in?next=${encodeURIComponent(way)}`)).headers.get('location'), way);
  for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example']) {
    const other = new Browser(world);
    await other.go(`/sign-in?next=${encodeURIComponent(next)}`);
    const led = await other.submit('/sign-in', { login: 'ada', password: PASSWORD, next });
    assert.equal(led.headers.get('location'), '/account', next);
    assert.equal((await other.go(`/sign-in?next=${encodeURIComponent(next)}`)).headers.get('location'), '/account');
  }
});

test('[revoke.fast] a revoked person does not sign in any more', async () => {
  const world = await makePeople();
  revoke(world, 'owner', 'ada');
  const response = await signIn(new Browser(world), 'ada', PASSWORD);
  await assertRefusalPage(response, 403, 'Your access was revoked. Ask whoever runs this installation.');
  assert.equal(response.headers.getSetCookie().length, 0);
  assert.equal((await signIn(new Browser(world), 'bob', PASSWORD)).status, 303);
});

test('a sign-out ends the session, needs the form of a page, and works for nobody too', async () => {
  const world = await makePeople();
  const browser = signedIn(world);
  await browser.go('/account');
  assert.equal((await browser.submit('/sign-out', { csrf: 'x' })).status, 403);
  await browser.go('/account');
  const response = await browser.submit('/sign-out', {});
  assert.equal(response.status, 303);
  assert.equal(response.headers.get('location'), '/sign-in');
  assert.equal((await browser.go('/account')).headers.get('location'), '/sign-in?next=%2Faccount');
  assert.equal((await browser.submit('/sign-out', {})).status, 303);
});
