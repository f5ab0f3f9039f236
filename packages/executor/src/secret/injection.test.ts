import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { DAuthError, headerSlotKey, isNeverASlot, LIMITS, parseInjections, type Injection } from '@dauth/protocol';
import fc from 'fast-check';
import { callAndRead, fillable, plaintextOf, upstreamFor, type CallOptions } from '../support/calls.test-support.ts';
import { inject } from './inject.ts';
import { serveHttps, serveRaw, TestCa, type Identity } from '../support/upstreams.test-support.ts';

let ca: TestCa;
let identity: Identity;
before(async () => {
  ca = await TestCa.create();
  identity = await ca.issue([{ type: 'dns', value: 'localhost' }]);
});

/** Makes one call and returns the octets of the head as they came out of TLS, without what every head has. */
async function headOf(options: CallOptions): Promise<string> {
  let head = '';
  await using server = await serveRaw(identity, (socket) => {
    socket.on('data', (octets) => {
      head += octets.toString('latin1');
      if (head.includes('\r\n\r\n')) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    });
  });
  const upstream = upstreamFor(ca.pem);
  await callAndRead(upstream, server.origin, options);
  await upstream.close();
  const own = `host: localhost:${server.port}\r\nconnection: keep-alive\r\naccept-encoding: identity\r\n`;
  assert.equal(head.split(own).length, 2, head);
  return head.replace(own, '');
}

const ON_THE_WIRE: readonly { name: string; options: CallOptions; head: string }[] = [
  {
    name: 'a header',
    options: {
      fields: { token: 'a: b, "c"; \\ {token} ~' },
      injections: [{ in: 'header', name: 'x-api-key', value: 'Key {token}!' }],
    },
    head: 'GET / HTTP/1.1\r\nuser-agent: dauth\r\nx-api-key: Key a: b, "c"; \\ {token} ~!\r\n\r\n',
  },
  {
    name: 'a query, behind what the caller sent',
    options: {
      target: '/search?q=x%20y',
      fields: { token: 'a&b=c#d?e/ö +%' },
      injections: [{ in: 'query', name: 'key', value: 'v1 {token}' }],
    },
    head: 'GET /search?q=x%20y&key=v1%20a%26b%3Dc%23d%3Fe%2F%C3%B6%20%2B%25 HTTP/1.1\r\nuser-agent: dauth\r\n\r\n',
  },
  {
    name: 'a query, where the caller sent none or an empty one',
    options: {
      target: '/search?',
      fields: { token: 'abcdefgh' },
      injections: [{ in: 'query', name: 'key', value: '{token}' }],
    },
    head: 'GET /search?key=abcdefgh HTTP/1.1\r\nuser-agent: dauth\r\n\r\n',
  },
  {
    name: 'a cookie',
    options: {
      headers: [['cookie', 'sid=mine']],
      fields: { token: 'a=b/c:d{e}%' },
      injections: [{ in: 'cookie', name: 'sid', value: '{token}' }],
    },
    head: 'GET / HTTP/1.1\r\nuser-agent: dauth\r\ncookie: sid=a=b/c:d{e}%\r\n\r\n',
  },
  {
    name: 'Basic, with colons in the password',
    options: {
      fields: { token: 'pä:ss:wörd' },
      injections: [{ in: 'basic', user: 'robot', pass: '{token}' }],
    },
    head: `GET / HTTP/1.1\r\nuser-agent: dauth\r\nauthorization: Basic ${Buffer.from('robot:pä:ss:wörd').toString('base64')}\r\n\r\n`,
  },
  {
    name: 'a path segment',
    options: {
      target: '/api/getMe?x=/',
      fields: { token: '42:AA;b?c#d e%2F..' },
      injections: [{ in: 'path', segment: 1, value: 'bot{token}' }],
    },
    head: 'GET /api/bot42:AA%3Bb%3Fc%23d%20e%252F../getMe?x=/ HTTP/1.1\r\nuser-agent: dauth\r\n\r\n',
  },
  {
    name: 'several slots at once, and the caller keeps its other headers',
    options: {
      target: '/a?b=c',
      headers: [
        ['accept', 'text/plain'],
        ['user-agent', 'agent/1'],
      ],
      fields: { token: 'tok&en=1', other: 'other-key' },
      injections: [
        { in: 'query', name: 'k', value: '{token}' },
        { in: 'path', segment: 0, value: '{other}' },
        { in: 'cookie', name: 'one', value: '{token}' },
        { in: 'header', name: 'x-key', value: '{other}{token}' },
        { in: 'cookie', name: 'two', value: '{other}' },
      ],
    },
    head:
      'GET /other-key/a?b=c&k=tok%26en%3D1 HTTP/1.1\r\naccept: text/plain\r\nuser-agent: agent/1\r\n' +
      'x-key: other-keytok&en=1\r\ncookie: one=tok&en=1; two=other-key\r\n\r\n',
  },
  {
    name: 'several headers from one field, one header from several, and any name that is a token',
    options: {
      fields: { token: 'tok-secret-1', app: 'app"secret\\2' },
      injections: [
        { in: 'header', name: 'x-api-key', value: '{token}' },
        { in: 'header', name: 'authorization', value: 'Token token="{token}", app={app}' },
        { in: 'header', name: 'x-pair', value: '{app}:{token}:{app}' },
        { in: 'header', name: "!#$%&'*+-.^_`|~0a", value: '{app}{app}' },
      ],
    },
    head:
      'GET / HTTP/1.1\r\nuser-agent: dauth\r\nx-api-key: tok-secret-1\r\n' +
      'authorization: Token token="tok-secret-1", app=app"secret\\2\r\n' +
      'x-pair: app"secret\\2:tok-secret-1:app"secret\\2\r\n' +
      '!#$%&\'*+-.^_`|~0a: app"secret\\2app"secret\\2\r\n\r\n',
  },
  {
    name: 'a user agent of its own, and no second one',
    options: {
      fields: { token: 'agent-secret' },
      injections: [{ in: 'header', name: 'user-agent', value: '{token}' }],
    },
    head: 'GET / HTTP/1.1\r\nuser-agent: agent-secret\r\n\r\n',
  },
];

for (const { name, options, head } of ON_THE_WIRE) {
  test(`[dispatch.bound] a value cannot leave its slot: ${name}`, async () => {
    assert.equal(await headOf(options), head);
  });
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const printable = (most: number) => fc.string({ minLength: 8, maxLength: most }).filter((text) => !/^ | $/.test(text));
const template = fc
  .array(fc.oneof(fc.constantFrom('{token}', '{app}'), fc.stringMatching(/^[ -z|~]{1,9}$/)), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => `v${parts.join('')}{token}.`);
const headerName = fc.string({ minLength: 1, maxLength: 20 }).filter((name) => NAME.test(name) && !isNeverASlot(name));

test('[dispatch.bound] an HTTP server reads every injected header, whatever its name, its template and its fields are', async () => {
  let raw: readonly string[] = [];
  await using server = await serveHttps(identity, (request, response) => {
    raw = request.rawHeaders;
    response.end();
  });
  const upstream = upstreamFor(ca.pem);
  const slots = fc.uniqueArray(fc.record({ in: fc.constant('header' as const), name: headerName, value: template }), {
    selector: ({ name }) => headerSlotKey(name),
    minLength: 1,
    maxLength: 6,
  });
  const reads = fc.asyncProperty(slots, printable(40), printable(20), async (injections, token, app) => {
    await callAndRead(upstream, server.origin, {
      injections: parseInjections(injections),
      fields: { token, ...(injections.some(({ value }) => value.includes('{app}')) ? { app } : {}) },
    });
    for (const { name, value } of injections) {
      const at = raw.findIndex((other, index) => index % 2 === 0 && other === name);
      assert.equal(
        raw[at + 1],
        value.replaceAll('{token}', () => token).replaceAll('{app}', () => app),
      );
    }
    const own = /^(?:host|connection|accept-encoding|user-agent)$/;
    assert.equal(
      raw.filter((name, index) => index % 2 === 0 && !own.test(name)).length,
      injections.filter(({ name }) => !own.test(name)).length,
    );
  });
  await fc.assert(reads, { numRuns: 40 });
  await upstream.close();
});

const HEADER: Injection = { in: 'header', name: 'x-key', value: '{token}' };
type Refused = { name: string; token: string | Buffer; injection?: Injection; says: RegExp };

/** Values that would leave their slot. */
const LEAVING: readonly Refused[] = [
  { name: 'a line break in a header', token: 'abcdefgh\r\nx: y', says: /characters that its slot cannot carry/ },
  { name: 'obs-text in a header', token: 'abcdefghö', says: /characters that its slot cannot carry/ },
  {
    name: 'a semicolon in a cookie',
    token: 'abcdefgh; a=b',
    injection: { in: 'cookie', name: 'sid', value: '{token}' },
    says: /characters that its slot cannot carry/,
  },
  {
    name: 'a slash in a path segment',
    token: 'abcdefgh/../x',
    injection: { in: 'path', segment: 0, value: '{token}' },
    says: /characters that its slot cannot carry/,
  },
  {
    name: 'a line feed in a query',
    token: 'abcdefgh\n',
    injection: { in: 'query', name: 'k', value: '{token}' },
    says: /characters that its slot cannot carry/,
  },
  {
    name: 'a colon in a Basic user name',
    token: 'abcd:efgh',
    injection: { in: 'basic', user: '{token}', pass: 'x' },
    says: /colon/,
  },
];

/** Values that an answer could not be searched for. */
const UNSEARCHABLE: readonly Refused[] = [
  { name: 'a space at its end, which readers cut off', token: 'abcdefghijkl ', says: /begins or ends with a space/ },
  {
    name: 'a space at its beginning, in Basic too',
    token: ' abcdefghijkl',
    injection: { in: 'basic', user: 'u', pass: '{token}' },
    says: /begins or ends with a space/,
  },
  { name: 'seven octets', token: 'abcdefg', says: /too short to be recognized/ },
  {
    name: 'a short Basic user name in a field',
    token: 'alice',
    injection: { in: 'basic', user: '{token}', pass: 'x' },
    says: /too short to be recognized/,
  },
  { name: 'more octets than can be searched for', token: unlike(LIMITS.injectedValue + 1), says: /too long/ },
  { name: 'one letter many times', token: 'a'.repeat(64), says: /repeats itself/ },
  { name: 'one letter many times at the end', token: `b${'a'.repeat(64)}`, says: /repeats itself/ },
  { name: 'a pattern many times at the beginning', token: `${'abcd'.repeat(20)}end`, says: /repeats itself/ },
];

/** Letters without a pattern. */
function unlike(length: number): string {
  let [text, state] = ['', 1];
  while (text.length < length) {
    state = (state * 48_271) % 2_147_483_647;
    text += String.fromCharCode(97 + (state % 26));
  }
  return text;
}

function assertInjectRefuses({ token, injection = HEADER, says }: Refused): void {
  using plaintext = plaintextOf({ token });
  assert.throws(
    () => inject(plaintext, [injection], fillable()),
    (error: unknown) => error instanceof DAuthError && error.code === 'POLICY_DENIED' && says.test(error.publicMessage),
  );
}

for (const refused of LEAVING)
  test(`[dispatch.bound] refuses a value before anything is sent: ${refused.name}`, () => assertInjectRefuses(refused));
for (const refused of UNSEARCHABLE)
  test(`[response.clean] refuses a value before anything is sent: ${refused.name}`, () => assertInjectRefuses(refused));

test('[response.clean] takes the longest value, and refuses more of them than one call may carry', () => {
  const [a, b, c] = [unlike(4_096), unlike(4_096).toUpperCase(), unlike(100)];
  using plaintext = plaintextOf({ a, b, c });
  const slots = (...names: string[]): Injection[] =>
    names.map((name) => ({ in: 'header', name: `x-${name}`, value: `{${name}}` }));
  assert.equal(inject(plaintext, slots('a', 'b'), fillable()).secrets.length, 2);
  assert.throws(() => inject(plaintext, slots('a', 'b', 'c'), fillable()), {
    code: 'POLICY_DENIED',
    message: /too long together/,
  });
});

test('[response.clean] a field in many slots is looked for once as it stands there', () => {
  using plaintext = plaintextOf({ token: 'a secret token' });
  const slots = parseInjections(['a', 'b', 'c'].map((name) => ({ in: 'query', name, value: '{token}' })));
  const secrets = inject(plaintext, slots, fillable()).secrets.map(String);
  assert.deepEqual(secrets, ['a secret token', 'a%20secret%20token']);
});

test('a path too short for its slot is refused', () => {
  using plaintext = plaintextOf({ token: 'abcdefghijkl' });
  assert.throws(() => inject(plaintext, [{ in: 'path', segment: 3, value: '{token}' }], fillable('/a')), {
    code: 'POLICY_DENIED',
    message: /path is too short/,
  });
});
