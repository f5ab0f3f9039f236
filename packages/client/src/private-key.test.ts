import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError, type SigningAlg } from '@dauth/protocol';
import { assertKeyContainer } from './private-key.ts';

const block = (label: string, body = 'MIGH\n'): string => `-----BEGIN ${label}-----\n${body}-----END ${label}-----\n`;
const check = (key: string | Uint8Array, alg?: SigningAlg): void =>
  assertKeyContainer({ field: 'key', ...(alg === undefined ? {} : { alg }) }, Buffer.from(key as string));

test('a key is taken in each of its forms, as its tools write it', () => {
  for (const alg of ['RS256', 'ES256', 'Ed25519', 'EdDSA', undefined] as const) {
    check(`Bag Attributes\n    friendlyName: ada\n${block('PRIVATE KEY')}`, alg);
    check(Uint8Array.of(0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05), alg);
    check(Uint8Array.of(0x30, 0x82, 0x04, 0xbd, 0x02, 0x01, 0x00, 0x30, 0x0d), alg);
  }
  check(block('RSA PRIVATE KEY'), 'RS256');
  check(block('EC PARAMETERS') + block('EC PRIVATE KEY'), 'ES256');
});

const NO_KEY = /^The value of the field "key" is no file with one private key: .* Nothing was sealed\.$/;
const LOCKED = /^The value of the field "key" has a password, .*openssl pkcs8 .* Nothing was sealed\.$/;
const REFUSED: Readonly<Record<string, readonly [key: string | Uint8Array, message: RegExp, alg?: SigningAlg]>> = {
  'in PKCS #8 with a password': [block('ENCRYPTED PRIVATE KEY'), LOCKED],
  'of a bag with a password': [`Bag Attributes\n${block('ENCRYPTED PRIVATE KEY')}`, LOCKED],
  'in PKCS #1 with a password': [block('RSA PRIVATE KEY', 'Proc-Type: 4,ENCRYPTED\n\nMIGH\n'), LOCKED],
  'of OpenSSH': [block('OPENSSH PRIVATE KEY'), NO_KEY],
  'that is a certificate': [block('CERTIFICATE'), NO_KEY],
  'that is nothing': ['', NO_KEY],
  'that is a path': ['/home/ada/key.pem\n', NO_KEY],
  'in PKCS #1 in DER': [Uint8Array.of(0x30, 0x82, 0x04, 0xa4, 0x02, 0x01, 0x00, 0x02, 0x82), NO_KEY],
  'in PKCS #12': [Uint8Array.of(0x30, 0x82, 0x04, 0xa4, 0x02, 0x01, 0x03, 0x30, 0x82), NO_KEY],
  'with another one behind it': [block('PRIVATE KEY') + block('PRIVATE KEY'), /has something behind the private key\./],
  'of RSA that shall sign by ES256': [
    block('RSA PRIVATE KEY'),
    /is no key for ES256: it says "RSA PRIVATE KEY"\./,
    'ES256',
  ],
  'of P-256 that shall sign by RS256': [
    block('EC PRIVATE KEY'),
    /is no key for RS256: it says "EC PRIVATE KEY"\./,
    'RS256',
  ],
  'of P-256 that shall sign by Ed25519': [block('EC PRIVATE KEY'), /is no key for Ed25519/, 'Ed25519'],
};
for (const [what, [key, message, alg]] of Object.entries(REFUSED))
  test(`[dispatch.bound] a key ${what} is refused before it is sealed`, () => {
    assert.throws(
      () => check(key, alg),
      (error: unknown) =>
        error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
    );
  });

test('a key that is a string is a mistake of the caller', () => {
  assert.throws(() => assertKeyContainer({ field: 'key' }, 'secret' as never), TypeError);
});
