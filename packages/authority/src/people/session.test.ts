/** Sessions and pages: how long one is signed in, where one is led back to, which forms are taken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Base64url } from '@dauth/verify';
import type { Authority } from '../context.ts';
import { ISSUER, makeWorld, revoke, START, type World } from '../world.test-support.ts';
import { assertRefusalPage, Browser, PERSON, signedIn } from './browser.test-support.ts';
import { markup } from './html.ts';
import { csrfField, readPageForm } from './page-form.ts';
import { page } from './page.ts';
import { closeSession, openSession, sessionOf, signInFirst } from './session.ts';

/** A world with a page that shows who is signed in, one that sends people to the sign-in page, and a form. */
async function makePages(config: object = {}): Promise<World> {
  const world = await makeWorld({ config });
  const { app, store, clock } = world;
  const authority = { store, now: () => clock.now } as Authority;
  const title = 'Test <page>';
  app.get('/who', (c) => c.json(sessionOf(authority, c) ?? null));
  app.get('/first', (c) => signInFirst(c, c.req.query('to') ?? ''));
  app.post('/in', (c) => {
    openSession(authority, c, PERSON.sub);
    return c.body(null, 204);
  });
  app.post('/out', (c) => {
    closeSession(authority, c);
    return c.body(null, 204);
  });
  app.get('/form', (c) =>
    page(c, { title }, markup`<form>${csrfField(c, sessionOf(authority, c) ?? null)}${c.req.query('say')}</form>`),
  );
  app.post('/form', async (c) => c.json(await readPageForm(c, sessionOf(authority, c) ?? null)));
  return world;
}

async function who(browser: Browser): Promise<unknown> {
  return (await browser.go('/who')).json();
}

test('a page has no script, cannot be framed, sends forms home only, and escapes what it shows', async () => {
  const world = await makePages();
  const response = await new Browser(world).go(`/form?say=${encodeURIComponent('<b>"&\'')}`);
  const text = await response.text();
  assert.equal(
    response.headers.get('content-security-policy'),
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  );
  assert.equal(response.headers.get('referrer-policy'), 'same-origin');
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.ok(text.includes('&lt;b&gt;&quot;&amp;&#39;</form>'), text);
  assert.ok(text.includes('<h1>Test &lt;page&gt;</h1>'), text);
  assert.ok(!/<script|style=|\son\w+=/i.test(text), text);
});

test('a person is shown a page where a program gets a problem document', async () => {
  const world = await makeWorld();
  await assertRefusalPage(await new Browser(world).go('/nowhere'), 404, 'There is nothing here.');
  const wrong = await new Browser(world).go('/token');
  await assertRefusalPage(wrong, 405, 'This address does not take that method.');
  assert.equal(wrong.headers.get('allow'), 'POST');
  await assertRefusalPage(await new Browser(world).go('/connections'), 401, 'The request has no Authorization header.');
  for (const accept of ['*/*', 'application/json', 'application/json;q="text/html"']) {
    const response = await new Browser(world).go('/nowhere', { accept });
    assert.equal(response.headers.get('content-type'), 'application/problem+json', accept);
  }
});

test('the stylesheet is a file of ours', async () => {
  const world = await makeWorld();
  const response = await new Browser(world).go('/style.css');
  assert.equal(response.headers.get('content-type'), 'text/css; charset=utf-8');
  assert.ok(!/url\(|@import/.test(await response.text()));
});

test('a session says who is signed in, since when, and nothing that is not asked for', async () => {
  const world = await makePages();
  const browser = signedIn(world);
  world.clock.now += 10;
  const { csrf, ...rest } = (await who(browser)) as Record<string, unknown>;
  assert.deepEqual(rest, {
    ...{ sub: 'ada', org: 'default', name: 'Ada Lovelace', email: 'ada@example.org', authTime: START },
  });
  assert.match(String(csrf), /^[\w-]{43}$/);
  assert.notEqual(csrf, browser.cookies.get('__Host-dauth-session'));
});

test('a session ends an hour after its last page and twelve hours after its sign-in', async () => {
  const world = await makePages();
  const [idle, busy] = [signedIn(world), signedIn(world)];
  for (let hour = 0; hour < 12; hour++) {
    world.clock.now += 3_599;
    assert.notEqual(await who(busy), null, `hour ${hour}`);
  }
  assert.equal(await who(idle), null);
  world.clock.now = START + 43_199;
  assert.notEqual(await who(busy), null);
  world.clock.now = START + 43_200;
  assert.equal(await who(busy), null);
});

test('a session is idle from its hour on, to the second', async () => {
  const world = await makePages();
  const browser = signedIn(world);
  world.clock.now += 3_599;
  assert.notEqual(await who(browser), null);
  world.clock.now += 3_600;
  assert.equal(await who(browser), null);
});

for (const [what, id] of [
  ['owner', 'ada'],
  ['org', 'default'],
] as const)
  test(`[revoke.fast] after a revoked ${what} nobody of it is signed in any more`, async () => {
    const world = await makePages();
    const browser = signedIn(world);
    assert.notEqual(await who(browser), null);
    revoke(world, what, id);
    assert.equal(await who(browser), null);
  });

test('a cookie that is none of ours, or of nobody, is no session', async () => {
  const world = await makePages();
  const browser = signedIn(world);
  for (const value of ['x', 'A'.repeat(43), sha256Base64url(browser.cookies.get('__Host-dauth-session')!)]) {
    browser.cookies.set('__Host-dauth-session', value);
    assert.equal(await who(browser), null, value);
  }
});

test('a sign-in makes a fresh id and ends the one before: what was planted is worth nothing', async () => {
  const world = await makePages();
  const browser = signedIn(world);
  const planted = browser.cookies.get('__Host-dauth-session')!;
  const response = await browser.submit('/in', {});
  const [cookie] = response.headers.getSetCookie();
  assert.match(cookie!, /^__Host-dauth-session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  assert.notEqual(browser.cookies.get('__Host-dauth-session'), planted);
  assert.notEqual(await who(browser), null);
  browser.cookies.set('__Host-dauth-session', planted);
  assert.equal(await who(browser), null);
});

test('the store holds the SHA-256 of a session id, and a sign-out ends it there', async () => {
  const world = await makePages();
  const browser = signedIn(world);
  await browser.submit('/in', {});
  const secret = browser.cookies.get('__Host-dauth-session')!;
  assert.equal(world.store.people.session(secret), undefined);
  assert.equal(world.store.people.session(sha256Base64url(secret))?.sub, 'ada');
  await browser.submit('/out', {});
  assert.equal(browser.cookies.size, 0);
  assert.equal(world.store.people.session(sha256Base64url(secret)), undefined);
});

test('only where the issuer is http on loopback the cookie has no Secure', async () => {
  const world = await makePages({ issuer: 'http://127.0.0.1:4180' });
  world.store.people.addUser(PERSON, '');
  const [cookie] = (await new Browser(world).submit('/in', {})).headers.getSetCookie();
  assert.match(cookie!, /^dauth-session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/);
});

test('the way back from the sign-in page is a path of ours, whatever a link says', async () => {
  const world = await makePages();
  const browser = new Browser(world);
  const ways: readonly (readonly [string, string])[] = [
    ['/authorize?client_id=a&redirect_uri=https://client.example/cb', ''],
    ['/a//b', ''],
    ...['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', 'evil', ''].map(
      (way) => [way, '/account'] as const,
    ),
    ...['/\t/evil.example', '/a b', '/a\r\nset-cookie: b=c', '/é', `/${'a'.repeat(8_192)}`].map(
      (way) => [way, '/account'] as const,
    ),
  ];
  for (const [to, instead] of ways) {
    const response = await browser.go(`/first?to=${encodeURIComponent(to)}`);
    assert.equal(response.status, 303);
    assert.equal(response.headers.get('location'), `/sign-in?next=${encodeURIComponent(instead || to)}`, to);
  }
});

const FROM_HERE = `Forms are taken only from pages of ${ISSUER}. Open the page there.`;
const STALE = 'This form is out of date. Go back, load the page again, and send it once more.';

for (const [name, open] of [
  ['of a person who is signed in', (world: World) => signedIn(world)],
  ['before a sign-in', (world: World) => new Browser(world)],
] as const) {
  test(`a form ${name} is taken from its page, by Origin or by Sec-Fetch-Site`, async () => {
    const browser = open(await makePages());
    for (const headers of [{}, { origin: undefined, 'sec-fetch-site': 'same-origin' }]) {
      await browser.go('/form');
      const response = await browser.submit('/form', { a: '1' }, headers);
      assert.equal(response.status, 200, browser.text);
      assert.equal(((await response.json()) as { a: string }).a, '1');
    }
  });

  test(`a form ${name} is refused from another site`, async () => {
    const browser = open(await makePages());
    for (const headers of [
      ...['https://evil.example', 'null', 'http://auth.example', `${ISSUER}, ${ISSUER}`].map((origin) => ({ origin })),
      { origin: undefined },
      { origin: undefined, 'sec-fetch-site': 'same-site' },
      { origin: undefined, 'sec-fetch-site': 'none' },
      { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    ]) {
      await browser.go('/form');
      await assertRefusalPage(await browser.submit('/form', {}, headers), 403, FROM_HERE);
    }
  });

  test(`a form ${name} is refused without the word of its own page`, async () => {
    const world = await makePages();
    const [browser, other] = [open(world), open(world)];
    await other.go('/form');
    const others = /name="csrf" value="([^"]*)"/.exec(other.text)![1]!;
    for (const csrf of [undefined, '', 'x', others]) {
      await browser.go('/form');
      await assertRefusalPage(await browser.submit('/form', { csrf }), 403, STALE);
    }
    browser.cookies.clear();
    await browser.go('/form');
    browser.cookies.clear();
    await assertRefusalPage(await browser.submit('/form', {}), 403, STALE);
  });
}

test('a form is small, a form, and says each thing once', async () => {
  const world = await makePages();
  const browser = signedIn(world);
  await browser.go('/form');
  await assertRefusalPage(
    await browser.submit('/form', { a: 'x'.repeat(65_536) }),
    413,
    'The request is larger than allowed.',
  );
  await browser.go('/form');
  const type = { 'content-type': 'text/plain' };
  await assertRefusalPage(
    await browser.submit('/form', {}, type),
    415,
    'Send this as application/x-www-form-urlencoded.',
  );
  for (const body of ['csrf=a&csrf=a', 'csrf=%zz', Array.from({ length: 257 }, (_, index) => `a${index}=`).join('&')]) {
    const headers = { origin: ISSUER, accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' };
    const response = await world.app.request('/form', { method: 'POST', headers, body });
    await assertRefusalPage(response, 400, 'The form is not well-formed.');
  }
});
