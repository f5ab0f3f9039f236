/** The scheme `postgres`: what an envelope may say of a login to a database, and that it goes to databases only. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBase64url } from './base64url.ts';
import { joinEnvelope, parseEnvelope } from './envelope.ts';
import { DAuthError } from './errors.ts';
import { injectedFields, isScheme, loginOf, parseInjections, searchedFields, slotKeys } from './inject.ts';
import { originParts, parseOrigin } from './origin.ts';
import { databaseOf } from './scheme-postgres.ts';
import { encodeUtf8 } from './utf8.ts';

const LOGIN = { scheme: 'postgres', user: 'app', password: '{password}' };
const RULE = { origin: 'postgres://db.example', methods: ['READ', 'WRITE'], paths: ['/shop'] };

function refused(parse: () => unknown, message: RegExp): void {
  assert.throws(
    parse,
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
  );
}

function envelope(allow: unknown, inject: unknown): string {
  const dauth = {
    ...{ handle: 'ddls:conn:019a8f3c-7e21-7c41-9b0e-3f2a6d5c4b1a', ver: 1, iss: 'https://auth.example' },
    ...{ org: 'default', owner: 'ada', connection: 'db', servers: ['https://mcp.example/mcp'], allow, inject },
    ...{ iat: 1_795_000_000, exp: 1_826_536_000 },
  };
  const kid = 'Sen_7JRKR8K8SlGfHt0CH5YaQ-fR7Fkf6S5tGQVp3GM';
  const header = { alg: 'HPKE-3', kid, typ: 'dauth-credential+jwe', crit: ['dauth'], dauth };
  const segment = encodeBase64url(encodeUtf8(JSON.stringify(header)));
  return joinEnvelope(segment, new Uint8Array(32), new Uint8Array(80));
}

test('a login is read as it stands, with what has a default', () => {
  const full = { ...LOGIN, auth: ['md5', 'scram-sha-256'], statement_timeout_ms: 600_000 };
  assert.deepEqual(parseInjections([full]), [full]);
  const [login] = parseInjections([LOGIN]);
  assert.deepEqual(login, { ...LOGIN, auth: ['scram-sha-256'], statement_timeout_ms: 30_000 });
  assert.deepEqual([...injectedFields([login!])], ['password']);
  assert.deepEqual([...searchedFields([login!])], ['password']);
  assert.deepEqual([slotKeys(login!), isScheme(login!), loginOf([login!])], [[], false, login]);
});

test('an origin of a database has one spelling, and 5432 is its port where none is written', () => {
  assert.deepEqual(originParts(parseOrigin('postgres://db.example')), {
    ...{ scheme: 'postgres', host: 'db.example', port: 5432 },
  });
  assert.equal(originParts(parseOrigin('postgres://db.example:443')).port, 443);
  for (const origin of ['postgres://db.example:5432', 'postgresql://db.example', 'postgres://u@db.example'])
    refused(() => parseOrigin(origin), /An origin must be/);
});

test('a path of a session names one database, and nothing that has to be decoded', () => {
  assert.equal(databaseOf('/shop-2.eu_1'), 'shop-2.eu_1');
  for (const path of ['/', '/*', '/**', '/a/b', '/..', '/.a', '/a%20b', '/a=b', `/${'a'.repeat(64)}`])
    assert.equal(databaseOf(path), undefined, path);
});

const WRONG: readonly (readonly [what: string, change: object, message: RegExp])[] = [
  ['no user', { user: undefined }, /"user" is/],
  ['a user from a field that is too long', { user: 'a'.repeat(64) }, /"user" is/],
  ['a user with a space', { user: 'a b' }, /"user" is/],
  ['a user with a zero octet', { user: 'a\0b' }, /"user" is/],
  ['a password in the open', { password: 'hunter22' }, /must name a field/],
  ['a password with text around it', { password: 'x{password}' }, /one field and nothing else/],
  ['no way to log in', { auth: [] }, /must not be empty/],
  ['a password in clear', { auth: ['password'] }, /names "scram-sha-256" and "md5" only/],
  ['one way twice', { auth: ['md5', 'md5'] }, /twice/],
  ['null for a default', { auth: null }, /must be an array/],
  ['no timeout', { statement_timeout_ms: 0 }, /out of range/],
  ['an endless timeout', { statement_timeout_ms: 600_001 }, /out of range/],
  ['an unknown member', { sslmode: 'disable' }, /not defined/],
];
for (const [what, change, message] of WRONG)
  test(`[seal.bound] a login with ${what} is refused`, () =>
    refused(() => parseInjections([{ ...LOGIN, ...change }]), message));

test('[seal.bound] a login stands alone: nothing is put into a session', () => {
  const slot = { in: 'header', name: 'authorization', value: 'Bearer {password}' };
  refused(() => parseInjections([LOGIN, slot]), /stands alone/);
});

test('[seal.bound] a password of a database goes to databases only, and nothing else goes there', () => {
  assert.equal(loginOf(parseEnvelope(envelope([RULE], [LOGIN])).header.dauth.inject)?.user, 'app');
  const web = { origin: 'https://db.example', methods: ['GET'], paths: ['/shop'] };
  const slot = { in: 'header', name: 'authorization', value: 'Bearer {token}' };
  const goes = /goes with origins "postgres:/;
  refused(() => parseEnvelope(envelope([web], [LOGIN])), goes);
  refused(() => parseEnvelope(envelope([RULE, web], [LOGIN])), goes);
  refused(() => parseEnvelope(envelope([RULE], [slot])), goes);
});

test('[seal.bound] a rule for a database has READ and WRITE, exact names, and nothing of HTTP', () => {
  const refuses = (change: object, message: RegExp) =>
    refused(() => parseEnvelope(envelope([{ ...RULE, ...change }], [LOGIN])), message);
  refuses({ methods: ['READ', 'GET'] }, /READ and WRITE/);
  refuses({ paths: ['/**'] }, /its name/);
  refuses({ paths: ['/shop', '/*'] }, /its name/);
  refuses({ query: [] }, /no "query"/);
  refuses({ body: [{ pointer: '/a', absent: true }] }, /no "query" and no "body", nor/);
});
