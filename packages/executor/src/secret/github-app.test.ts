/** What GitHub is asked for a token of an installation with, and what its answer is worth. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jwtVerify } from 'jose';
import { parseInjections, tokenSchemeOf } from '@dauth/protocol';
import { plaintextOf } from '../support/calls.test-support.ts';
import { makePair } from '../support/signer.test-support.ts';
import { signAndFill } from '../support/token-request.test-support.ts';
import { readInstallationToken } from './token-answer.ts';

/** Unix seconds: 2026-11-18T11:06:40Z. */
const NOW = 1_795_000_000;
const SCHEME = {
  scheme: 'github_app',
  endpoint: 'https://ghe.example/api/v3/app/installations/42/access_tokens',
  private_key: '{key}',
  iss: 'Iv23liExample',
};
const pair = makePair('RSA-2048');
const key = pair.privateKey.export({ format: 'pem', type: 'pkcs1' }) as string;

function ask(members: object = {}, fields: Record<string, string> = { key }) {
  const injections = parseInjections([{ ...SCHEME, ...members }]);
  using plaintext = plaintextOf(fields);
  return signAndFill(plaintext, injections, tokenSchemeOf(injections)!, NOW);
}

function linesOf({ lines }: ReturnType<typeof ask>): Record<string, string> {
  const each = lines.toString('latin1').trimEnd().split('\r\n');
  return Object.fromEntries(each.map((line) => line.split(/: (.*)/s) as [string, string]));
}

test('GitHub is asked with a JWT by the key of the App, ten minutes long, and for what was sealed', async () => {
  const filled = ask({ repositories: ['hello-world'], permissions: { contents: 'read', issues: 'write' } });
  assert.equal(filled.target.toString(), '/api/v3/app/installations/42/access_tokens');
  const { authorization, ...lines } = linesOf(filled);
  assert.deepEqual(lines, {
    accept: 'application/vnd.github+json',
    'content-type': 'application/json',
    'x-github-api-version': '2022-11-28',
  });
  assert.deepEqual(JSON.parse(filled.body!.toString()), {
    repositories: ['hello-world'],
    permissions: { contents: 'read', issues: 'write' },
  });
  const [, jwt] = /^Bearer (.+)$/.exec(authorization!)!;
  const options = { algorithms: ['RS256'], currentDate: new Date(NOW * 1_000) };
  const { payload, protectedHeader } = await jwtVerify(jwt!, pair.publicKey, options);
  assert.deepEqual(protectedHeader, { alg: 'RS256', typ: 'JWT' });
  assert.deepEqual(payload, { iat: NOW - 60, exp: NOW + 540, iss: 'Iv23liExample' });
  assert.deepEqual(
    filled.secrets.map((secret) => secret.toString()),
    [jwt],
    'the answer is searched for it',
  );
});

test('without anything that narrows it, the token is for all that the installation has', () => {
  assert.equal(ask().body!.toString(), '{}');
});

test('the id of the App may be a field', async () => {
  const filled = ask({ iss: '{client_id}' }, { key, client_id: 'Iv23liOfAField' });
  const [, jwt] = /^Bearer (.+)$/.exec(linesOf(filled).authorization!)!;
  assert.equal(
    (await jwtVerify(jwt!, pair.publicKey, { currentDate: new Date(NOW * 1_000) })).payload.iss,
    'Iv23liOfAField',
  );
});

test('[dispatch.bound] a key that does not sign by RS256 is refused', () => {
  const other = makePair('P-256').privateKey.export({ format: 'pem', type: 'sec1' }) as string;
  assert.throws(() => ask({}, { key: other }), { code: 'POLICY_DENIED', message: /no key for RS256/ });
});

const TOKEN = 'ghs_0123456789abcdef';
const ANSWERS: readonly (readonly [what: string, answer: unknown, token: string | null, expiresIn?: number | null])[] =
  [
    ['an hour', { token: TOKEN, expires_at: '2026-11-18T12:06:40Z', permissions: { contents: 'read' } }, TOKEN, 3_600],
    ['fractions of a second', { token: TOKEN, expires_at: '2026-11-18T11:07:40.250Z' }, TOKEN, 60],
    ['an end that has passed', { token: TOKEN, expires_at: '2026-11-18T11:00:00Z' }, TOKEN, 0],
    ['no end', { token: TOKEN }, TOKEN, null],
    ['an end in another zone', { token: TOKEN, expires_at: '2026-11-18T12:06:40+01:00' }, TOKEN, null],
    ['an end that is a number', { token: TOKEN, expires_at: 1_795_003_600 }, TOKEN, null],
    ['an end that is no time', { token: TOKEN, expires_at: '2026-11-18 12:06:40Z' }, TOKEN, null],
    ['an end with a dot and nothing', { token: TOKEN, expires_at: '2026-11-18T12:06:40.Z' }, TOKEN, null],
    ['another token inside', { token: TOKEN, repositories: [{ token: 'x' }] }, TOKEN, null],
    ['no token', { expires_at: '2026-11-18T12:06:40Z' }, null],
    ['a token of RFC 6749', { access_token: TOKEN, token_type: 'bearer' }, null],
    ['a token that is no text', { token: 1 }, null],
    ['a token with a line end', { token: `${TOKEN}\r\nx: y` }, null],
    ['an empty token', { token: '' }, null],
    ['two tokens', `{"token":"${TOKEN}","tok\\u0065n":"x"}`, null],
    ['no JSON', `{"token":"${TOKEN}"`, null],
  ];
for (const [what, answer, token, expiresIn] of ANSWERS) {
  test(`[dispatch.bound] an answer of GitHub with ${what} is ${token === null ? 'no' : 'a'} token`, () => {
    const octets = Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer));
    const read = readInstallationToken(octets, NOW);
    assert.deepEqual([read?.token.toString('latin1') ?? null, read?.expiresIn], [token, expiresIn]);
  });
}
