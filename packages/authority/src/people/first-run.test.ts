/** The first person, and those who were invited: what makes them, and what does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../config.ts';
import { ISSUER, makeWorld, revoke, START, type World } from '../world.test-support.ts';
import { assertRefusalPage, Browser } from './browser.test-support.ts';
import { offerFirstRun } from './invite.ts';

const PASSWORD = 'several words make one';
const GRACE = { login: 'grace', password: PASSWORD };
const WRONG_CODE = 'This code is wrong, was used, or has ended. Ask for a new one.';

function offer(world: World): string | undefined {
  const { store, clock } = world;
  const config = { org: 'default' } as ReturnType<typeof parseConfig>;
  return offerFirstRun({ store, config, now: () => clock.now })?.code;
}

/** Fills in the page and sends it. */
async function setUp(browser: Browser, fields: Readonly<Record<string, string | undefined>>): Promise<Response> {
  await browser.go('/first-run');
  return browser.submit('/first-run', fields);
}

async function assertWrong(response: Response, status: number, field: string, sentence: string): Promise<void> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  const said = new RegExp(`<p class="wrong" id="${field}-wrong" role="alert">([^<]*)</p>`).exec(text)?.[1];
  assert.equal(said, sentence, text);
  assert.match(
    text,
    new RegExp(`<input id="${field}"[^>]* aria-describedby="[^"]*${field}-wrong"[^>]* aria-invalid="true"`),
  );
}

test('the first code makes the owner "operator" an admin, signs in, and works once', async () => {
  const world = await makeWorld();
  const code = offer(world)!;
  assert.match(code, /^([0-9a-hjkmnp-tv-z]{4}-){6}[0-9a-hjkmnp-tv-z]{4}$/);
  const browser = new Browser(world);
  await browser.go('/first-run');
  assert.match(browser.text, /<h1>Set up DAuth<\/h1>/);
  const typed = ` ${code.toUpperCase().replaceAll('-', ' ').replaceAll('0', 'O')}`;
  const response = await browser.submit('/first-run', { code: typed, ...GRACE, name: 'Grace Hopper' });
  assert.equal(response.status, 303, browser.text);
  assert.equal(response.headers.get('location'), '/account');
  await browser.go('/account');
  assert.match(browser.text, /<h1>Grace Hopper<\/h1>/);
  const { created_at, ...user } = world.store.people.user('operator')!;
  assert.equal(created_at, START);
  assert.deepEqual(user, {
    ...{ sub: 'operator', org: 'default', login: 'grace', name: 'Grace Hopper', email: null, role: 'admin' },
  });
  const again = await setUp(new Browser(world), { code, login: 'mallory', password: PASSWORD });
  await assertWrong(again, 403, 'code', WRONG_CODE);
  assert.equal(offer(world), undefined);
});

test('the store keeps neither the code nor the password', async () => {
  const world = await makeWorld();
  const code = offer(world)!;
  assert.equal(world.store.people.invitation(code, START), undefined);
  await setUp(new Browser(world), { code, ...GRACE });
  const { password } = world.store.people.login('grace')!;
  assert.match(password, /^\$scrypt\$ln=17,r=8,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  const logged = JSON.stringify([world.events, world.store.audit.operations(10)]);
  for (const secret of [code, PASSWORD]) assert.ok(!logged.includes(secret), logged);
  assert.match(logged, /"action":"user.add"/);
});

test('each start has a code of its own, and the last one ends with it, or after a day', async () => {
  const world = await makeWorld();
  const [first, second] = [offer(world)!, offer(world)!];
  assert.notEqual(first, second);
  await assertWrong(await setUp(new Browser(world), { code: first, ...GRACE }), 403, 'code', WRONG_CODE);
  world.clock.now += 86_400;
  await assertWrong(await setUp(new Browser(world), { code: second, ...GRACE }), 403, 'code', WRONG_CODE);
  world.clock.now -= 1;
  assert.equal((await setUp(new Browser(world), { code: second, ...GRACE })).status, 303);
});

test('one code used twice at the same moment makes one person', async () => {
  const world = await makeWorld();
  const code = offer(world)!;
  const tries = await Promise.all(
    ['grace', 'mallory'].map((login) => setUp(new Browser(world), { code, login, password: PASSWORD })),
  );
  assert.deepEqual(
    tries.map(({ status }) => status).sort((a, b) => a - b),
    [303, 409],
  );
  const late = tries.find(({ status }) => status === 409)!;
  const sentence = 'This code was used a moment ago. If that was not you, tell whoever runs this installation.';
  await assertRefusalPage(late, 409, sentence);
  assert.equal(world.store.people.users().length, 1);
});

test('after ten wrong codes in a minute another wrong one waits, and the right one never does', async () => {
  const world = await makeWorld();
  const code = offer(world)!;
  const [browser, other] = [new Browser(world), new Browser(world)];
  for (let count = 0; count < 10; count++)
    await assertWrong(await setUp(browser, { code: 'x', ...GRACE }), 403, 'code', WRONG_CODE);
  world.clock.now += 18;
  const refused = await setUp(other, { code: 'y', ...GRACE });
  await assertRefusalPage(refused, 429, 'Too many tries did not work. Wait a minute and try again.');
  assert.equal(refused.headers.get('retry-after'), '42');
  assert.equal((await setUp(other, { code, ...GRACE })).status, 303);
  world.clock.now += 42;
  await assertWrong(await setUp(new Browser(world), { code: 'y', ...GRACE }), 403, 'code', WRONG_CODE);
});

test('what is wrong with a field is said beside it, and the rest stays as it was typed, but for the password', async () => {
  const world = await makeWorld();
  const code = offer(world)!;
  const browser = new Browser(world);
  const SHORT = 'A password has at least 12 characters. Several words make a good one.';
  const LOGIN = 'A login is 1 to 64 letters a to z, digits, and . _ @ + -, and begins with a letter or digit.';
  const cases: readonly (readonly [object, string, string])[] = [
    [{ password: undefined }, 'password', SHORT],
    [{ password: 'elevenchars' }, 'password', SHORT],
    // Eleven characters, each of two UTF-16 units.
    [{ password: '😀'.repeat(11) }, 'password', SHORT],
    [{ password: 'x'.repeat(257) }, 'password', 'A password has at most 256 characters.'],
    [{ login: 'Grace.B.Hopper', password: 'grace.b.HOPPER' }, 'password', 'The password must not be the login.'],
    [{ login: undefined }, 'login', 'The login must be a non-empty string.'],
    [{ login: 'grace hopper' }, 'login', LOGIN],
    [{ login: '<script>' }, 'login', LOGIN],
    [{ name: 'x'.repeat(129) }, 'name', 'The name is longer than 128 characters.'],
    [{ email: 'nobody' }, 'email', 'An email address is written name@example.org.'],
  ];
  for (const [change, field, sentence] of cases) {
    const response = await setUp(browser, { code, name: 'Grace <b>', ...GRACE, ...change });
    await assertWrong(response, 400, field, sentence);
    assert.ok(!browser.text.includes(PASSWORD) && !browser.text.includes('<script>'), browser.text);
    if (field !== 'name') assert.match(browser.text, /name="name"[^>]* value="Grace &lt;b&gt;"/);
  }
  assert.equal(world.store.people.hasUsers(), false);
  assert.equal((await setUp(browser, { code, ...GRACE })).status, 303);
});

test('a revoked operator sets nothing up', async () => {
  const world = await makeWorld();
  const code = offer(world)!;
  revoke(world, 'owner', 'operator');
  await assertWrong(await setUp(new Browser(world), { code, ...GRACE }), 403, 'code', WRONG_CODE);
});

test('a code is offered only where the configuration says so, and it says where to', () => {
  const base = {
    ...{ issuer: ISSUER, listen: { host: '127.0.0.1', port: 0 }, database: 'sqlite:x.db' },
  };
  assert.throws(() => parseConfig({ ...base, firstRun: 'yes' }), /firstRun: Invalid input: expected boolean/);
});
