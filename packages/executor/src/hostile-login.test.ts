/**
 * Whoever owns an API that people log in to (SECURITY.md, attacker 5), or the MCP server before it (3): answers that two readers
 * read differently, tokens that stand in more than one place or form, and requests that are no login.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { LOGIN, LoginWorld, refusalOf, type Says } from './support/login.test-support.ts';

let at: LoginWorld;
before(async () => (at = await LoginWorld.open()));
beforeEach(() => at.connect());
after(() => at[Symbol.asyncDispose]());

const token = `st-${randomBytes(15).toString('base64url')}-x`;
const auth = (value: unknown = token, more: object = {}) => JSON.stringify({ auth: { token: value, ...more } });

/** In the order in which they come to mind. */
const REFUSED: Readonly<Record<string, Says>> = {
  'two tokens': { body: `{"auth":{"token":"${token}","token":"${token}2"}}` },
  'two tokens, one in escapes': { body: `{"auth":{"\\u0074oken":"${token}2","token":"${token}"}}` },
  'a token in one of two objects of a name': { body: `{"auth":{"token":"${token}"},"auth":{"x":1}}` },
  'a token in the second of two objects of a name': { body: `{"auth":{},"auth":{"token":"${token}"}}` },
  'no token': { body: '{"auth":{}}' },
  'nothing there': { body: '{}' },
  'a token one step further in': { body: JSON.stringify({ data: { auth: { token } } }) },
  'a token in a list': { body: JSON.stringify({ auth: [{ token }] }) },
  'all of it in a list': { body: `[${auth()}]` },
  'a token that is null': { body: auth(null) },
  'a token that is a number': { body: auth(1234567890123456) },
  'a token that is an object': { body: auth({ token }) },
  'a token that is a list': { body: auth([token]) },
  'a token of nothing': { body: auth('') },
  'a token that is too short': { body: auth(token.slice(0, 11)) },
  'a token that is too long': { body: auth(randomBytes(3_100).toString('base64url')) },
  'a token of one letter': { body: auth('a'.repeat(400)) },
  'a token with a line end': { body: auth(`${token}\r\nx-canary: 1`) },
  'a token with a blank': { body: auth(`${token} x`) },
  'a token beyond ASCII': { body: auth(`${token}é`) },
  'half of a pair': { body: `{"auth":{"token":"${token}\\ud800"}}` },
  'a byte order mark': { body: `\ufeff${auth()}` },
  'a text behind its end': { body: `${auth()}{}` },
  'half a text': { body: auth().slice(0, -1) },
  'a comment': { body: `${auth()}//` },
  'a name without quotes': { body: `{auth:{"token":"${token}"}}` },
  'a form': { body: `auth.token=${token}` },
  'depth without end': { body: `{"x":${'['.repeat(40)}${']'.repeat(40)},"auth":{"token":"${token}"}}` },
  'nothing at all': { status: 204, body: '' },
  'a refresh token besides': { body: auth(token, { refresh_token: `${token}-r` }) },
  'an id token besides, in other letters': { body: auth(token, { ID_Token: `${token}-i` }) },
  'an access token besides, in camel case': { body: auth(token, { list: [{ accessToken: `${token}-a` }] }) },
  'an access token besides, with a hyphen': { body: auth(token, { 'Access-Token': `${token}-a` }) },
  'a session token besides': { body: auth(token, { sessionToken: `${token}-s` }) },
  'a token besides, under no other name': { body: auth(token, { more: { token: `${token}-t` } }) },
  'a list of tokens besides': { body: auth(token, { access_token: [`${token}-a`] }) },
  'a token besides, in an object': { body: auth(token, { jwt: { value: `${token}-j` } }) },
  'more members than are compared': {
    body: `{${Array.from({ length: 4_095 }, () => '"a":""').join()},"auth":{"token":"${token}"}}`,
  },
  'half of what it is encoded in': { headers: { 'content-encoding': 'gzip' }, body: gzipSync(auth()).subarray(0, 30) },
  'another encoding': { headers: { 'content-encoding': 'zstd' }, body: auth() },
  'a part': { status: 206, body: auth() },
  'a way to somewhere else': { status: 302, headers: { location: `/#token=${token}` }, body: auth() },
};

for (const [what, says] of Object.entries(REFUSED))
  test(`[response.clean] a login that answers with ${what} is refused, and nothing of the answer goes back`, async () => {
    at.says = () => says;
    const reply = await at.logIn();
    assert.equal(refusalOf(reply).code, 'RESPONSE_UNSCANNABLE', reply.text);
    assert.equal(reply.text.includes(token.slice(0, 11)), false);
    assert.equal(at.stored.ver, 1, 'nothing was captured');
    assert.equal(refusalOf(await at.use()).code, 'NEEDS_REAUTHORIZATION');
  });

test('[response.clean] the password is starred out of a head behind an interim one, in one piece', async () => {
  const head = `HTTP/1.1 200 ${LOGIN.password}\r\ncontent-length: ${auth().length}\r\n\r\n`;
  at.says = () => ({ raw: true, body: `HTTP/1.1 103 Early Hints\r\n\r\n${head}${auth()}` });
  const outcomes = () => at.world.journal().filter(({ kind }) => kind === 'outcome');
  const before = outcomes().length;
  assert.equal((await at.logIn()).json.success, true);
  while (outcomes().length === before) await new Promise(setImmediate);
  assert.equal(outcomes().at(-1)!.redactions, 1, 'what the HTTP client made a string of had stars');
});

test('a token is captured out of an object that is named like one', async () => {
  at.pointer = '/token/value';
  await at.connect();
  at.pointer = '/auth/token';
  at.says = () => ({ body: JSON.stringify({ token: { value: token, lasts: 60 } }) });
  assert.deepEqual((await streamed()).json, { token: { value: at.session, lasts: 60 } });
});

test('[response.clean] tokens that no request could carry together are not captured', async () => {
  at.more = ['b', 'c'].map((field) => ({ pointer: `/${field}`, field }));
  await at.connect();
  at.more = [];
  const [b, c] = [3_072, 3_072].map((octets) => randomBytes(octets).toString('base64url'));
  at.says = () => ({ body: JSON.stringify({ auth: { token }, b, c }) });
  assert.match(refusalOf(await at.logIn()).message!, /too long/);
  assert.equal(at.stored.ver, 1);
  at.says = () => ({ body: JSON.stringify({ auth: { token }, b, c: c!.slice(0, 4_000) }) });
  assert.equal((await at.logIn()).json.success, true);
});

test('[response.clean] an answer that is the handle itself captures nothing', async () => {
  at.says = () => ({ body: auth(at.session) });
  const reply = await at.logIn();
  assert.match(refusalOf(reply).message!, /part of what would stand in its place/);
  assert.equal(at.stored.ver, 1);
});

test('[response.clean] a token in a list is not taken for one in the object before it', async () => {
  at.pointer = '/auth/of/token';
  await at.connect();
  at.pointer = '/auth/token';
  at.says = () => ({ body: JSON.stringify({ auth: { of: {} }, list: [{ token }] }) });
  assert.match(refusalOf(await at.logIn()).message!, /does not have a text at each pointer/);
  assert.equal(at.stored.ver, 1);
});

test('[response.clean] an answer that is too large is refused, however small it comes', async () => {
  const body = JSON.stringify({ pad: ' '.repeat(140_000), auth: { token } });
  for (const says of [{ body }, { headers: { 'content-encoding': 'gzip' }, body: gzipSync(body) }]) {
    at.says = () => says;
    assert.equal(refusalOf(await at.logIn()).code, 'RESPONSE_TOO_LARGE');
  }
  assert.equal(at.stored.ver, 1);
});

test('[response.clean] a token that stands elsewhere too, in whatever form, is in nothing that goes back', async () => {
  const octets = Buffer.from(token);
  const forms = [token, octets.toString('base64'), octets.toString('hex'), encodeURIComponent(token)];
  const more = { again: forms, more: { [token]: `Bearer ${token}`, split: `.${octets.toString('base64url')}.` } };
  at.says = () => ({
    headers: {
      'set-cookie': [`s=${token}`],
      'x-token': token,
      [`x-${octets.toString('hex')}`]: '1',
      link: `<${token}>`,
    },
    body: JSON.stringify({ ...more, auth: { token } }),
  });
  for (const reply of [await at.logIn(), await streamed()]) {
    const all = `${reply.text}${JSON.stringify(reply.headers)}`;
    for (const form of forms) assert.equal(all.includes(form), false, form);
    assert.ok(all.includes(at.session));
  }
  assert.equal(at.stored.ver, 3);
});

test('[response.clean] a token that is part of the password, or the other way round, gives neither away', async () => {
  const { password, username } = LOGIN;
  for (const value of [password.slice(0, -8), `${password}-more-of-it`]) {
    at.says = () => ({ body: JSON.stringify({ echo: [password, value, username], auth: { token: value } }) });
    const reply = await at.logIn();
    assert.equal(reply.json.success, true, reply.text);
    for (const piece of [password.slice(0, 8), password.slice(-8), '-more-of', username])
      assert.equal(reply.text.includes(piece), false, piece);
  }
});

test('a token that holds the user name is captured as it is', async () => {
  const claims = Buffer.from(JSON.stringify({ sub: LOGIN.username })).toString('base64url');
  const jwt = `eyJhbGciOiJIUzI1NiJ9.${claims}.${randomBytes(32).toString('base64url')}`;
  const pretty = `{\r\n\r\n"auth": {"tok\\u0065n": "${jwt.replace('.', '\\u002e')}"}\r\n}`;
  at.says = () => ({ headers: { 'content-encoding': 'gzip' }, body: gzipSync(pretty) });
  assert.equal((await at.logIn()).json.success, true);
  await at.use();
  assert.equal(at.came.at(-1)!.authorization, `Bearer ${jwt}`);
  at.says = () => ({ body: pretty });
  assert.equal((await at.logIn()).json.success, true);
  await at.use();
  assert.equal(at.came.at(-1)!.authorization, `Bearer ${jwt}`);
});

test('what no program needs but JSON allows is passed on as it came', async () => {
  const text = `{"n":1e999,"m":-0.0,"auth":{"token":"${token}"},"auths":{"token":1},"x":{"auth":{"token":""}}}`;
  at.says = () => ({ body: text });
  const reply = await streamed();
  assert.equal(reply.text, text.replace(token, at.session));
});

for (const path of ['/login/', '/LOGIN', '/%6cogin', '/login/more', '/', '/me'])
  test(`[dispatch.bound] a server that asks for ${path} in the place of the login is refused before anything is opened`, async () => {
    const { opened } = at.world;
    const came = at.came.length;
    for (const method of ['POST', 'GET'])
      assert.equal(refusalOf(await at.logIn({ path, method })).code, 'POLICY_DENIED');
    assert.deepEqual([at.world.opened - opened, at.came.length - came], [0, 0]);
  });

test('[dispatch.bound] a server that logs in by another query is captured all the same', async () => {
  at.says = () => ({ body: auth() });
  const reply = await at.logIn({ path: '/login?format=raw' });
  assert.equal(reply.text.includes(token), false);
  assert.equal(at.stored.ver, 2);
});

function streamed() {
  const headers = ['Content-Type', 'application/json'];
  return at.world.stream(at.login, '/login', { method: 'POST', headers, body: '{}', token: at.token() });
}
