/** Names of authorization servers, as somebody chooses them who wants an assertion to be good at two servers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayNameOneServer } from './server-names.ts';

const ENDPOINT = 'https://idp.example/realms/a/token';
const ISSUER = 'https://idp.example/realms/a';
const IDN = 'https://xn--mnchen-3ya.example/token';

/** Names of the server whose endpoint is `ENDPOINT`. */
const SAME: readonly string[] = [
  ENDPOINT,
  ISSUER,
  `${ISSUER}/`,
  'https://idp.example',
  'https://idp.example/',
  'https://IDP.Example/Realms/A',
  'https://idp.example/Realms/A',
  'HTTPS://idp.example/realms/a',
  'http://idp.example/realms/a',
  'https:idp.example/realms/a',
  'https:/idp.example/realms/a',
  'https:////idp.example/realms/a',
  '//idp.example/realms/a',
  'idp.example/realms/a',
  'idp.example',
  'idp.example:443',
  'https://idp.example:443/realms/a',
  'https://idp.example:00443/realms/a',
  'https://idp.example:80/realms/a',
  'https://idp.example:/realms/a',
  'https://idp%2Eexample/realms/a',
  'https://%69dp.example/realms/a',
  'https://%49DP.example/realms/a',
  'https://idp.example/%72ealms/%41',
  'https://idp.example/realms//a',
  'https://idp.example//realms/a',
  'https://idp.example/./realms/a/.',
  'ftp://idp.example/realms/a',
  'https://idp.example/realms;v=1/a',
  'https://idp.example/realms/a?tenant=b',
  'https://idp.example/realms/a#b',
  'https://idp.example?',
  `${ENDPOINT}/more`,
  `${ENDPOINT}?x`,
];
/** Names that may mean it, or any other server, to some parser. */
const UNTOLD: readonly string[] = [
  'https://idp.example@other.example/',
  'https://other.example@idp.example/',
  'https://other.example%40idp.example/',
  'https://idp.example%2Fother.example',
  'https://other.example/x%2Frealms/a',
  'https://other.example/%252e%252e',
  'https://other.example/realms/b/../a',
  'https://other.example/%2E%2e/a',
  'https://other.example/..;v/a',
  'blob:https://other.example/realms/a',
  'https://other.example%3A443',
  'https://other.example/%3Fx',
  'https://other.example/%23x',
  'https://other.example/%3Bx',
  'https://other.example/%5Cx',
  'https://other.example/%20',
  'https://other.example/%00',
  'https://other.example/%zz',
  'https://other.example/a b',
  ' https://other.example',
  'https://other.example.',
  'https://%EF%BD%89dp.example/',
  'https://idp.ex%C2%ADample/',
  'https://m%C3%BCnchen.example/',
  'https://other.example/%C3%A9',
  'https://xn--idp-.example/',
  'https://xn--a.example/',
  'https://[::1]/',
  'https://127.0.0.1/',
  'https://0x7f000001/',
  'https://idp..example/',
  'https:///',
  '',
];
const OTHER: readonly string[] = [
  'https://login.example',
  'https://idp.example:8443/realms/a',
  'https://idp.example.evil/realms/a',
  'https://idp-example/realms/a',
  'https://idp.example/realms/b',
  'https://idp.example/realms/ab',
  'https://idp.example/realms/a/tokens',
  'https://xn--mnchen-3ya.example/realms/a',
  'urn:example:idp.example',
  'idp',
  'api://realms/a',
];

for (const name of SAME)
  test(`[seal.bound] "${name}" is taken for a name of ${ENDPOINT}`, () => {
    assert.equal(mayNameOneServer(name, ENDPOINT), true);
    assert.equal(mayNameOneServer(ENDPOINT, name), true);
  });

for (const name of UNTOLD)
  test(`[seal.bound] "${name}" is taken for a name of any server`, () => {
    for (const other of [ENDPOINT, 'https://login.example', 'urn:example:login'])
      assert.deepEqual([mayNameOneServer(name, other), mayNameOneServer(other, name)], [true, true]);
  });

test('[seal.bound] a name with a backslash, which some parsers read as a slash, is taken for one of any server', () => {
  for (const name of ['https:\\\\other.example', 'https://other.example/a\\b', 'urn:other\\'])
    assert.equal(mayNameOneServer(name, ENDPOINT), true);
});

for (const name of OTHER)
  test(`"${name}" is no name of ${ENDPOINT}`, () => {
    assert.deepEqual([mayNameOneServer(name, ENDPOINT), mayNameOneServer(ENDPOINT, name)], [false, false]);
  });

test('[seal.bound] an A-label is one name in any case, and a name of another scheme is one without its last slashes', () => {
  assert.equal(mayNameOneServer('https://XN--MNCHEN-3YA.example', IDN), true);
  assert.equal(mayNameOneServer('https://xn--mnchen-3ya.example:8443', IDN), false);
  assert.equal(mayNameOneServer('URN:example:IDP/', 'urn:example:%69dp'), true);
  assert.equal(mayNameOneServer('urn:example:idp', 'urn:example:api'), false);
});
