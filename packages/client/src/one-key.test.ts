import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError, parseInjections } from '@dauth/protocol';
import { assertKeysDiffer } from './one-key.ts';

const client = (endpoint: string, key: string): object => ({
  ...{ endpoint, client_id: 'agent', private_key: `{${key}}`, alg: 'ES256' },
});
const scheme = (own: string, theirs: string): object => ({
  ...{ scheme: 'id_jag', audience: 'https://login.example', ...client('https://login.example/token', own) },
  idp: {
    ...{ subject_token: '{token}', subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
    ...client('https://idp.example/token', theirs),
  },
});
const octets = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

test('[seal.bound] one key under two names, for two servers, is refused before it is sealed', () => {
  const inject = parseInjections([scheme('key', 'idp_key')]);
  const check = (key: string, other: string): void =>
    assertKeysDiffer(inject, { token: octets('t'), key: octets(key), idp_key: octets(other) });
  assert.throws(
    () => check('one key', 'one key'),
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && /hold one key/.test(error.publicMessage),
  );
  check('one key', 'two keys');
  check('one key', 'one kez');
  check('one key', 'one key ');
});

test('[seal.bound] one key is one however its file is written', () => {
  const inject = parseInjections([scheme('key', 'idp_key')]);
  const pem = (base64: string, label = 'PRIVATE KEY'): string =>
    `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----`;
  const key = 'MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v';
  const check = (other: string): void =>
    assertKeysDiffer(inject, { token: octets('t'), key: octets(pem(key)), idp_key: octets(other) });
  const broken = `${key.slice(0, 16)}\r\n${key.slice(16)}`;
  for (const same of [pem(key), `${pem(key)}\n`, pem(broken), `Bag Attributes\n${pem(key)}`, pem(`${key} \n`)])
    assert.throws(() => check(same), /hold one key/);
  for (const other of [pem(`${key}A`), pem(key.slice(1)), pem(key.replace('v', 'w')), key]) check(other);
});

test('one key under one name, and a scheme with one key, is let through', () => {
  assertKeysDiffer(parseInjections([scheme('key', 'key')]), { token: octets('t'), key: octets('k') });
  const bearer = { scheme: 'jwt_bearer', endpoint: 'https://login.example/token', private_key: '{key}', alg: 'ES256' };
  assertKeysDiffer(parseInjections([{ ...bearer, iss: 'ada' }]), { key: octets('k') });
});
