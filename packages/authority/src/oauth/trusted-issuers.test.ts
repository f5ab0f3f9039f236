/** Which issuers a configuration may trust: each contradiction has its sentence, and nothing is trusted by default. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseConfig } from '../config.ts';
import { makePair, makeSigner } from '../signer.test-support.ts';
import { EXECUTOR, ISSUER, MCP } from '../world.test-support.ts';

const idJag = { issuer: 'https://idp.example', profile: 'id-jag', ownerPrefix: 'acme:' };
const rule = { subject: 'repo:acme/*', client: 'ci', resources: [MCP] };
const workload = { issuer: 'https://ci.example', profile: 'workload', rules: [rule] };
const { jwk, jkt } = makeSigner();

function parse(trustedIssuers: unknown, change: object = {}): ReturnType<typeof parseConfig> {
  return parseConfig({
    ...{ issuer: ISSUER, listen: { host: '127.0.0.1', port: 0 }, database: 'sqlite:unused.db', operator: { jwk } },
    ...{ executor: { resource: EXECUTOR, identity: jkt }, trustedIssuers, ...change },
  });
}

function assertSays(issuers: readonly object[], sentence: RegExp, change: object = {}): void {
  assert.throws(() => parse(issuers, change), { message: sentence }, JSON.stringify(issuers));
}

test('nobody is trusted by default, and nothing of this machine is fetched from', () => {
  const config = parse(undefined);
  assert.deepEqual([config.trustedIssuers, config.outside], [[], { ca: [], dangerouslyAllowLoopback: false }]);
});

test('an identity provider and a platform are read with their defaults', () => {
  const [first, second] = parse([idJag, workload]).trustedIssuers;
  assert.deepEqual(first, idJag);
  assert.deepEqual(second, { ...workload, maxLife: 3_600, rules: [{ ...rule, claims: {}, scopes: [] }] });
});

test('two issuers never mean one owner: prefixes are required, distinct, and end with their only colon', () => {
  const other = { ...idJag, issuer: 'https://other.example' };
  assertSays([{ ...idJag, ownerPrefix: undefined }], /Must be a name|expected string/);
  assertSays([idJag, other], /the same "ownerPrefix"/);
  parse([idJag, { ...other, ownerPrefix: 'acme-eu:' }]);
  for (const ownerPrefix of ['', ':', 'acme', 'acme:eu:', 'acme: ', 'Acme:', '-acme:', `${'a'.repeat(64)}:`])
    assertSays([{ ...idJag, ownerPrefix }], /Must be a name and a colon/);
});

test('an issuer stands once in a profile, and is the URL exactly as it calls itself', () => {
  assertSays([idJag, { ...idJag, ownerPrefix: 'b:' }], /twice with the same profile/);
  parse([idJag, { ...workload, issuer: idJag.issuer }]);
  for (const issuer of [
    'idp.example',
    'https://idp.example/?a',
    'https://idp.example/#a',
    'https://a@idp.example',
    'ftp://a',
  ])
    assertSays([{ ...idJag, issuer }], /Must be the URL of the issuer/);
  assertSays([{ ...idJag, issuer: ISSUER }], /cannot name this authority itself/);
});

test('plain http is for the dangerous switch only, and the switch is not for a public address', () => {
  const local = { ...idJag, issuer: 'http://127.0.0.1:9000' };
  const outside = { dangerouslyAllowLoopback: true };
  assertSays([local], /must be https/);
  assertSays([{ ...idJag, jwksUri: 'http://127.0.0.1:9000/keys' }], /must be https/);
  parse([local], { outside });
  assertSays([], /"outside.dangerouslyAllowLoopback" is for tests and demos/, {
    ...{ outside, listen: { host: '0.0.0.0', port: 0 } },
  });
});

test('written keys are public signing keys, each with an id of its own', () => {
  const good = { ...jwk, kid: 'one' };
  parse([{ ...idJag, jwks: { keys: [good] } }]);
  const agreement = { ...makePair('X25519').publicKey.export({ format: 'jwk' }), kid: 'two' };
  for (const keys of [[], [jwk], [good, good], [good, agreement], [{ ...good, d: 'AA' }], 'none', undefined])
    assertSays([{ ...idJag, jwks: { keys } }], /Must be a set of public keys/);
  assertSays([{ ...idJag, jwks: { keys: [good] }, jwksUri: 'https://a.example' }], /not both/);
});

test('a subject is whole, or a prefix that nobody can continue with a name of their own', () => {
  for (const subject of ['a', 'system:serviceaccount:prod:agent', 'repo:acme/*', 'spiffe://prod/*', 'ns:prod:*'])
    parse([{ ...workload, rules: [{ ...rule, subject }] }]);
  for (const subject of ['*', 'repo:acme*', 'repo:*/app', '**', 'repo:acme/**', '', 'a\n'])
    assertSays([{ ...workload, rules: [{ ...rule, subject }] }], /rules/);
});

test('a rule names a client and its servers, and nothing that is not known', () => {
  for (const wrong of [
    { client: undefined },
    { client: '' },
    { resources: [] },
    { resources: ['mcp.example'] },
    { scopes: ['a b'] },
    { claims: { ref: null } },
    { claims: { ref: ['main'] } },
    { subjects: ['a'] },
  ])
    assertSays([{ ...workload, rules: [{ ...rule, ...wrong }] }], /rules/);
  assertSays([{ ...workload, rules: [] }], /rules/);
  assertSays([{ ...workload, maxLife: 86_401 }], /maxLife/);
  assertSays([{ ...workload, ownerPrefix: 'a:' }], /ownerPrefix/);
  assertSays([{ ...idJag, rules: [rule] }], /rules/);
  assertSays([{ ...idJag, profile: 'other' }], /profile/);
});

test('the example of docs/federation.md is a configuration', () => {
  const page = readFileSync(new URL('../../../../docs/federation.md', import.meta.url), 'utf8');
  const [, example] = /^```json\n([\s\S]*?)^```$/m.exec(page)!;
  const { authority } = JSON.parse(example!) as { authority: { trustedIssuers: object[] } };
  assert.deepEqual(
    parse(authority.trustedIssuers).trustedIssuers.map(({ profile }) => profile),
    ['id-jag', 'workload'],
  );
});
