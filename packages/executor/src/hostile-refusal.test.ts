/**
 * Whoever owns an API that people log in to (SECURITY.md, attacker 5), or the MCP server before it (3), by a query or a header that
 * chooses the form: answers of 4xx and 5xx, in which nothing is captured, and which hold a credential all the same. The status goes
 * back, and of the rest only what shows to hold none.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { parseEnvelope } from '@dauth/protocol';
import { LOGIN, LoginWorld, refusalOf, type Says } from './support/login.test-support.ts';

let at: LoginWorld;
before(async () => (at = await LoginWorld.open()));
beforeEach(() => at.connect());
after(() => at[Symbol.asyncDispose]());

const letters = (count: number): string =>
  String.fromCharCode(...Array.from(randomBytes(count), (octet) => 0x61 + (octet % 26)));
/** In words, as some are: nothing but its name and its place tells it. */
const token = `st-${letters(20)}-x`;
/** As most are. */
const numbered = `${token}7`;
const word = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJ';
const json = (value: unknown): string => JSON.stringify(value);
const right = json({ auth: { token } });
const form = `access_token=${token}&token_type=bearer`;
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');
const utf32 = (text: string): Buffer =>
  Buffer.concat(Array.from(Buffer.from(text), (octet) => Buffer.of(0, 0, 0, octet)));
const nested = (levels: number): string => `${'{"x":'.repeat(levels)}{"jwt":"${token}"}${'}'.repeat(levels)}`;
const typed = (type: string, body: string | Buffer): Says => ({ headers: { 'content-type': type }, body });
const coded = (coding: string, body: Buffer): Says => ({ headers: { 'content-encoding': coding }, body });

const WITHHELD: Readonly<Record<string, Says>> = {
  'what would be captured': { body: right },
  'a list of what would be captured': { body: json({ auth: { token: [token] } }) },
  'a number where a token would be': { body: json({ auth: { token: 1234567890123456 } }) },
  'a token under another name': { body: json({ errors: [{ code: 7, data: { access_token: token } }] }) },
  'a token under a name in camel case': { body: json({ mfaToken: token }) },
  'a token under a name with hyphens': { body: json({ 'X-Auth-Token': token }) },
  'a token under a name in escapes': { body: `{"t\\u006fk\\u0065n":"${token}"}` },
  'a session': { body: json({ session_id: token }) },
  'a ticket': { body: json({ error: 'second factor', ticket: token }) },
  'the lines of a cookie': { body: json({ headers: { 'Set-Cookie': [`s:${token}`] } }) },
  'a token in a list at the top': { body: json([{ token: [token] }]) },
  'a token in the first of two members': { body: `{"token":"${token}","token":null}` },
  'a token in the second of two members': { body: `{"token":null,"token":"${token}"}` },
  'a token, and no end': { body: `{"jwt":"${token}"` },
  'a token behind its end': { body: `{"error":"locked"} ${token}` },
  'a token further in than is read': { body: nested(40) },
  'a token behind more members than are read': {
    body: `{${Array.from({ length: 4_097 }, () => '"a":""').join()},"b":"${token}"}`,
  },
  'a byte order mark': { body: `\ufeff${right}` },
  'two byte order marks': { body: `\ufeff\ufeff${right}` },
  'UTF-16': { body: utf16(right) },
  'UTF-16 with its mark': { body: utf16(`\ufeff${right}`) },
  'UTF-16, the other way round': { body: utf16(`\ufeff${right}`).swap16() },
  'UTF-16 in its type': typed('application/json; charset=utf-16le', utf16(right)),
  'UTF-32': { body: utf32(right) },
  'UTF-7': typed('application/json; charset=utf-7', '+AHsAIg-auth+ACIAOg-+AHsAIg-token+ACIAOgAi-st+ACIAfQB9-'),
  'octets that are no UTF-8': {
    body: Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xc3, 0x28), Buffer.from('"}')]),
  },
  'half a character': { body: Buffer.concat([Buffer.from('{"a":1}'), Buffer.of(0xc3)]) },
  'a control character': { body: `{"error":"\u0001${token}"}` },
  'a zero before it': { body: `\0${right}` },
  JSONP: typed('application/javascript', `callback(${right});`),
  'JSONP in a comment': typed('application/javascript', `/**/f(${right})`),
  'what hinders scripts': { body: `)]}',\n${right}` },
  'a form': typed('application/x-www-form-urlencoded', form),
  'a form that says it is JSON': { body: form },
  'parts of a form': typed(
    'multipart/form-data; boundary=x',
    `--x\r\ncontent-disposition: form-data; name="token"\r\n\r\n${token}\r\n--x--`,
  ),
  'lines of JSON': typed('application/x-ndjson', `{"error":"no"}\n${right}\n`),
  'records of JSON': typed('application/json-seq', `\x1e${right}\n`),
  events: typed('text/event-stream', `data: ${right}\n\n`),
  text: typed('text/plain', `Your session goes on: ${token}`),
  'the token alone': typed('text/plain', token),
  'a text in JSON alone': { body: json(token) },
  'a number alone': { body: '1234567890123456' },
  'a page': typed('text/html', `<!doctype html><meta name=t content="${token}"><h1>No</h1>`),
  XML: typed('application/xml', `<error><token>${token}</token></error>`),
  YAML: typed('application/yaml', `token: ${token}\n`),
  CBOR: typed(
    'application/cbor',
    Buffer.concat([Buffer.of(0xa1, 0x65), Buffer.from('token'), Buffer.of(0x78, token.length), Buffer.from(token)]),
  ),
  'octets of a file': typed('application/octet-stream', Buffer.from(token)),
  'JSON in a text of JSON': { body: json({ error: 'upstream said', body: right }) },
  'JSON in a text of JSON, in escapes': { body: json({ body: right }).replaceAll('{\\"', '\\u007b\\"') },
  'a form in a text of JSON': { body: json({ body: form }) },
  'a form in a text of JSON, in escapes': { body: json({ body: form }).replaceAll('=', '\\u003D') },
  'a page in a text of JSON': { body: json({ html: `<b>${token}</b>` }) },
  'what is percent-encoded in a text of JSON': { body: json({ body: `%EF%BB%BF${token}` }) },
  'a form in the name of a member': { body: json({ [form]: 1 }) },
  'a form behind a quote in a text': { body: `{"a":"\\\\\\"","b":"${form}"}` },
  'a token in a list that nobody named': { body: json([[numbered]]) },
  'a table': { body: json({ columns: ['id', 'kind'], rows: [[7, numbered]] }) },
  'names and values': { body: json({ data: [{ name: 'X', value: numbered }] }) },
  'a token under a name of its own': { body: json({ access: numbered }) },
  'a token in the middle of a message': { body: json({ error: `Go on with (${numbered}).` }) },
  'a token as the name of a member': { body: json({ [numbered]: true }) },
  'a token in escapes': {
    body: `{"a":"${Array.from(numbered, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')}"}`,
  },
  'a token of letters alone': { body: json({ a: word }) },
  'a long number': { body: json({ id: 123456789012 }) },
  'JSON in base64 in a text of JSON': {
    body: json({ a: Buffer.from(`${right}  `).toString('base64').replaceAll('=', '') }),
  },
  'a token in gzip': coded('gzip', gzipSync(form)),
  'a token in deflate': coded('deflate', deflateSync(utf16(right))),
  'a token in br': coded('br', brotliCompressSync(right)),
};

interface Back {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

async function saysNo(says: Says, status = 401): Promise<Back> {
  at.says = () => ({ ...says, status });
  const reply = await at.logIn();
  assert.equal(reply.json.success, true, reply.text);
  assert.equal(reply.text.includes(token.slice(0, 11)), false);
  assert.equal(at.stored.ver, 1, 'nothing was captured');
  return reply.json.response as Back;
}

const KEPT_BACK = { 'dauth-body': 'withheld' };

for (const [what, says] of Object.entries(WITHHELD))
  test(`[response.clean] of a login that says no with ${what} the status goes back, and nothing else`, async () => {
    for (const status of [401, 503])
      assert.deepEqual(await saysNo(says, status), { status, headers: KEPT_BACK, body: null });
  });

const HARMLESS: readonly unknown[] = [
  { error: 'locked', auth: { token: '' }, jwt: null, secret: false, session: true },
  { error: 'invalid_token', error_description: 'The "access_token" is too old: log in again [7].' },
  { type: 'https://api.example/errors/locked', title: 'Locked – bis später', status: 401, request: token.slice(0, 9) },
  {
    a: 'abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz_abcdef',
    b: '12345678901 a1b2c3d4e5f',
    at: 'https://a.example/v1/locked',
  },
  { auth: { reason: 'locked' }, errors: [{ field: 'password', messages: ['is wrong'] }, []] },
  [],
  {},
];
for (const body of HARMLESS)
  test(`[response.clean] a login that says no with ${json(body)} goes back as it came`, async () => {
    const back = { status: 401, headers: { 'content-type': 'application/json' }, body };
    assert.deepEqual(await saysNo({ body: json(body) }), back);
    assert.deepEqual(await saysNo(typed('text/html; charset=utf-16', ` ${json(body)}\n`)), back);
    assert.deepEqual(await saysNo(coded('gzip', gzipSync(json(body)))), back);
  });

test('[response.clean] a login that says no with nothing goes back, and is not said to have had a body', async () => {
  assert.deepEqual(await saysNo({ body: '' }), { status: 401, headers: {}, body: null });
});

/** Sealed with the pointer, and an answer that says no. */
async function pointedAt(pointer: string, body: unknown): Promise<Back> {
  at.pointer = pointer;
  await at.connect();
  at.pointer = '/auth/token';
  return saysNo({ body: json(body) });
}

test('[response.clean] a login that says no with a text where the way leads on goes back without it', async () => {
  for (const said of [token, [token], 7])
    for (const body of [{ data: said }, [{ error: { Data: said } }]])
      assert.deepEqual((await pointedAt('/data/value', body)).headers, KEPT_BACK);
  const { body } = await pointedAt('/data/value', { data: { reason: 'locked' } });
  assert.deepEqual(body, { data: { reason: 'locked' } });
});

test('[response.clean] what is named as what is captured goes back nowhere in a login that says no', async () => {
  for (const said of [token, [token], { x: token }, 7])
    for (const body of [{ sid: said }, [said, { S_ID: said }], { error: { details: { sid: said } } }])
      assert.deepEqual((await pointedAt('/user/sid', body)).headers, KEPT_BACK);
  const { body } = await pointedAt('/user/sid', { sid: null, sids: 3 });
  assert.deepEqual(body, { sid: null, sids: 3 });
});

test('[response.clean] a token in a list that the pointer numbers goes back in no login that says no', async () => {
  assert.deepEqual((await pointedAt('/ids/0', { ids: [token] })).headers, KEPT_BACK);
});

test('[response.clean] of a login that says no no header goes back but when to try again', async () => {
  const headers = {
    ...{ 'x-auth-token': token, etag: `"${token}"`, location: `/#${token}`, 'set-cookie': [`s=${token}`] },
    ...{ 'content-type': `application/json; t=${token}`, 'content-language': token, 'www-authenticate': token },
    ...{ 'dauth-body': token, link: `<${token}>` },
  };
  const type = { 'content-type': 'application/json' };
  for (const wait of ['30', 'Fri, 31 Dec 2027 23:59:59 GMT']) {
    const back = await saysNo({ headers: { ...headers, 'retry-after': wait }, body: '{}' });
    assert.deepEqual(back.headers, { ...type, 'retry-after': wait });
  }
  for (const wait of [token, `30, ${token}`, '1234567890', 'Fri, 31 Dec 2027 23:59:59 CET', 'Fri, 31 Dec 2027', ''])
    assert.deepEqual((await saysNo({ headers: { ...headers, 'retry-after': wait }, body: '{}' })).headers, type);
});

test('[response.clean] of a login that says no the password has stars, whatever is kept back', async () => {
  const stars = '*'.repeat(LOGIN.password.length);
  const { body } = await saysNo({ body: json({ error: `No: ${LOGIN.password}` }) });
  assert.deepEqual(body, { error: `No: ${stars}` });
  await at.connect();
  const special = { username: LOGIN.username, password: 'pw-{<=%-0123456789' };
  const { stored } = at.world.authority;
  const { dauth } = parseEnvelope(stored.get(at.login)!.envelope).header;
  stored.set(at.login, await at.world.seal(at.login, dauth, undefined, special));
  const back = await saysNo({ body: json({ error: special.password }) });
  assert.deepEqual(back.body, { error: '*'.repeat(special.password.length) });
});

test('[response.clean] a login that says no at too great a length, or in a coding that is none, is an error', async () => {
  for (const [says, code] of [
    [{ body: json({ pad: ' '.repeat(140_000) }) }, 'RESPONSE_TOO_LARGE'],
    [coded('gzip', gzipSync(' '.repeat(140_000))), 'RESPONSE_TOO_LARGE'],
    [coded('gzip', gzipSync(right).subarray(0, 30)), 'RESPONSE_UNSCANNABLE'],
    [coded('zstd', Buffer.from(right)), 'RESPONSE_UNSCANNABLE'],
    [coded('gzip, gzip', gzipSync(gzipSync(right))), 'RESPONSE_UNSCANNABLE'],
  ] as const) {
    at.says = () => ({ ...says, status: 401 });
    const reply = await at.logIn();
    assert.equal(refusalOf(reply).code, code, reply.text);
    assert.equal(reply.text.includes(token.slice(0, 11)), false);
  }
});

test('[response.clean] through the streaming door, too, nothing but the status goes back', async () => {
  at.says = () => ({ status: 403, body: form, headers: { 'content-language': token } });
  const headers = ['Content-Type', 'application/json'];
  const asked = { method: 'POST', headers, body: '{}', token: at.token() } as const;
  const reply = await at.world.stream(at.login, '/login', asked);
  assert.deepEqual([reply.status, reply.text, reply.headers['dauth-body']], [403, '', 'withheld']);
  assert.equal(JSON.stringify(reply.headers).includes(token), false);
});
