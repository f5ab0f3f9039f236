/** `--capture`: what is stated wrongly is said before anybody is asked, and what was sealed is explained. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { encodeEnvelopeHeader, joinEnvelope, parseHandle, type EnvelopeHeader } from '@dauth/protocol';
import { runDauth } from './authority.test-support.ts';
import { parseStatedCapture } from './capture.ts';
import { assertNotCaptured, noteCaptured } from './captured.ts';
import { openMemory } from './memory.ts';

const dir = mkdtempSync(join(tmpdir(), 'dauth-capture-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const RULE = {
  ...{ connection: 'shop', fields: [{ pointer: '/auth/token', field: 'token' }] },
  allow: [{ origin: 'https://a.example', methods: ['GET'], paths: ['/orders'] }],
};
const DRAFT = [
  ...['connect', 'shop-login', '--origin', 'https://a.example', '--server', 'https://b.example/mcp'],
  ...['--field', 'password', '--inject', 'body:/pass={password}'],
];
const [LOGIN, SESSION] = [
  'ddls:conn:01931e7a-2c4b-7abc-8def-0123456789ab',
  'ddls:conn:01931e7a-2c4b-7abc-8def-0123456789ac',
];

for (const [what, path, rule, message] of [
  [
    'a misspelt member',
    '/login',
    { ...RULE, field: [] },
    /"field" is not one of its members: connection, fields, allow/,
  ],
  ['no rule for what is captured', '/login', { ...RULE, allow: [] }, /--capture cannot be used/],
  ['a pointer that is none', '/login', { ...RULE, fields: [{ pointer: 'token', field: 'token' }] }, /JSON pointer/],
  ['a login at any path', '/**', RULE, /whole paths only/],
  [
    'a slot that nothing is captured for',
    '/login',
    { ...RULE, inject: [{ in: 'query', name: 'k', value: '{key}' }] },
    /No injection names/,
  ],
] as const)
  test(`connect --capture: ${what} is a usage error, before anybody is asked`, async () => {
    const { code, stdout, stderr } = await runDauth([...DRAFT, '--path', path, '--capture', JSON.stringify(rule)], dir);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, message);
  });

test('what is captured goes out as a bearer token for an hour, where nothing else is said', () => {
  const { inject, lifetime } = parseStatedCapture(RULE);
  assert.deepEqual(inject, [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }]);
  assert.equal(lifetime, 3_600);
});

function sealed(name: string, members: object): string {
  const dauth = {
    ...{ handle: LOGIN, ver: 1, iss: 'https://auth.example', org: 'default', owner: 'ada', connection: 'shop' },
    ...{ servers: ['https://mcp.example/mcp'], bearer: false, iat: 1, exp: 2, ...members },
  };
  const header = { alg: 'HPKE-3', kid: 'A'.repeat(43), typ: 'dauth-credential+jwe', crit: ['dauth'], dauth };
  const segment = encodeEnvelopeHeader(header as unknown as EnvelopeHeader);
  const path = join(dir, name);
  writeFileSync(path, joinEnvelope(segment, new Uint8Array(32), new Uint8Array(80)));
  return path;
}

const bearer = [{ in: 'header', name: 'authorization', value: 'Bearer {token}' }];
const toToken = [{ origin: 'https://a.example', methods: ['POST'], paths: ['/oauth/token'] }];

test('policy explain says what a login captures, and takes a token endpoint for a target then', async () => {
  const capture = { into: SESSION, fields: RULE.fields };
  const login = sealed('login.jwe', { allow: toToken, inject: [{ in: 'body', pointer: '/p', value: '{p}' }], capture });
  const ask = ['policy', 'explain', 'POST', 'https://a.example/oauth/token', '--envelope', login];
  const plain = await runDauth(ask, dir);
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(
    plain.stdout,
    /Of its answers \/auth\/token is captured into\s+ddls:conn:[-0-9a-f]+, and that handle goes back\./,
  );
  const { capture: said } = JSON.parse((await runDauth([...ask, '--json'], dir)).stdout) as { capture: object };
  assert.deepEqual(said, capture);
  const other = sealed('other.jwe', { allow: toToken, inject: bearer });
  const denied = await runDauth(['policy', 'test', 'POST', 'https://a.example/oauth/token', '--envelope', other], dir);
  assert.deepEqual([denied.code, /known token endpoint/.test(denied.stdout)], [5, true]);
});

test('policy explain says where a captured credential comes from, and for how long', async () => {
  const captured = { from: LOGIN, fields: ['token'], lifetime: 600 };
  const session = sealed('session.jwe', { handle: SESSION, allow: RULE.allow, inject: bearer, captured });
  const { code, stdout } = await runDauth(
    ['policy', 'explain', 'GET', 'https://a.example/orders', '--envelope', session],
    dir,
  );
  assert.equal(code, 0);
  assert.match(
    stdout,
    /It holds what ddls:conn:[-0-9a-f]+ answered, for 600 s\s+from then, while that connection stands\./,
  );
});

test('[seal.bound] no whole policy is sealed over a login, whatever the authority shows as its envelope', () => {
  const seals = openMemory(join(dir, 'seals'), () => undefined);
  const handle = parseHandle(LOGIN);
  const read = (path: string) => readFileSync(path, 'utf8');
  const plain = read(sealed('plain.jwe', { allow: RULE.allow, inject: bearer }));
  const inject = [{ in: 'body', pointer: '/p', value: '{p}' }];
  const capture = { into: SESSION, fields: RULE.fields };
  const login = read(sealed('shown.jwe', { allow: toToken, inject, capture }));
  const refused = { message: 'A login and what is captured through it keep the policy that they were sealed with.' };
  assert.throws(() => assertNotCaptured(seals, handle, login), refused);
  assert.doesNotThrow(() => assertNotCaptured(seals, handle, plain));
  noteCaptured(seals, [handle]);
  assert.throws(() => assertNotCaptured(seals, handle, plain), refused);
});
