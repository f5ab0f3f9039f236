import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKeyContainer } from './key-container.ts';
import { encodeUtf8 } from './utf8.ts';

const block = (label: string, body = 'MIGH\nAgEA\n'): string =>
  `-----BEGIN ${label}-----\n${body}-----END ${label}-----\n`;
const PARAMETERS = block('EC PARAMETERS', 'BggqhkjOPQMBBw==\n');
/** As `openssl pkcs12 -nocerts -nodes` writes it. */
const BAG =
  'Bag Attributes\n    friendlyName: Ada - work\n    localKeyID: 54 69 6D \nKey Attributes: <No Attributes>\n';
const SEC1 = block('EC PRIVATE KEY');
const PKCS8 = block('PRIVATE KEY');
const text = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1');

const USABLE: Readonly<Record<string, readonly [pem: string, label: string]>> = {
  'alone in PKCS #8': [PKCS8, 'PRIVATE KEY'],
  'alone in PKCS #1': [block('RSA PRIVATE KEY'), 'RSA PRIVATE KEY'],
  'alone in SEC 1': [SEC1, 'EC PRIVATE KEY'],
  'behind the parameters of its curve': [PARAMETERS + SEC1, 'EC PRIVATE KEY'],
  'behind the attributes of a bag': [BAG + PKCS8, 'PRIVATE KEY'],
  'behind text, parameters and text': [`${BAG}${PARAMETERS}a line\r\n${SEC1}`, 'EC PRIVATE KEY'],
  'with space behind it': [`${BAG}${PKCS8}\r\n \t\n`, 'PRIVATE KEY'],
  'behind a line that ends as on an old Mac': [`Bag Attributes\r${PKCS8}`, 'PRIVATE KEY'],
  'in one line': [PKCS8.replaceAll('\n', ''), 'PRIVATE KEY'],
};
for (const [where, [pem, label]] of Object.entries(USABLE))
  test(`a key ${where} is found where it lies`, () => {
    const key = encodeUtf8(pem);
    const found = readKeyContainer(key);
    assert.ok(found.kind === 'pem');
    assert.equal(found.label, label);
    assert.equal(text(found.block), pem.slice(pem.indexOf(`-----BEGIN ${label}-----`)));
    assert.equal(text(found.base64).replaceAll('\n', ''), 'MIGHAgEA');
    for (const view of [found.block, found.base64]) assert.equal(view.buffer, key.buffer, 'no copy of it');
  });

test('what has no block in it is taken for DER', () => {
  for (const der of [[0x30, 0x2e, 0x02, 0x01, 0x00], [], [...encodeUtf8('-----BEGIN')], [...encodeUtf8(BAG)]])
    assert.deepEqual(readKeyContainer(Uint8Array.from(der)), { kind: 'der' });
});

const UNUSABLE: Readonly<Record<'block' | 'inside' | 'behind', Readonly<Record<string, string>>>> = {
  block: {
    'of another label': block('ENCRYPTED PRIVATE KEY'),
    'of OpenSSH': block('OPENSSH PRIVATE KEY'),
    'that is public': block('PUBLIC KEY'),
    'behind a certificate': block('CERTIFICATE') + PKCS8,
    'that is parameters alone': PARAMETERS,
    'in PKCS #8 behind parameters': PARAMETERS + PKCS8,
    'in PKCS #1 behind parameters': PARAMETERS + block('RSA PRIVATE KEY'),
    'behind two parameters': PARAMETERS + PARAMETERS + SEC1,
    'behind parameters that are cut off': PARAMETERS.slice(0, -10) + SEC1,
    'behind other parameters': block('DSA PARAMETERS') + SEC1,
    'that begins no line': `x${PKCS8}`,
    'behind a blank': ` ${PKCS8}`,
    'behind a byte order mark': `\ufeff${PKCS8}`,
    'behind five dashes': `-----\n${PKCS8}`,
    'behind text with five dashes': BAG.replace('Ada - work', '-----') + PKCS8,
    'with a sixth dash': `-${PKCS8}`,
    'with two beginnings': `-----BEGIN PRIVATE KEY-----\n${SEC1}`,
    'with another end': PKCS8.replace('END', 'END RSA'),
    'without an end': PKCS8.slice(0, -8),
    'with dashes in it': block('PRIVATE KEY', 'MIGH-----\n'),
    'in small letters': PKCS8.toLowerCase() + PKCS8.replaceAll('PRIVATE', 'Private'),
  },
  inside: {
    'with a password': block('RSA PRIVATE KEY', 'Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIGH\n'),
    'in the alphabet of URLs': block('PRIVATE KEY', 'MIG_\n'),
    'with zeros in it': block('PRIVATE KEY', 'MIGH\0\n'),
  },
  behind: {
    'before another one': PKCS8 + SEC1,
    'before itself': PKCS8 + PKCS8,
    'before a certificate': PKCS8 + block('CERTIFICATE'),
    'before its parameters': SEC1 + PARAMETERS,
    'before a letter': `${PKCS8}x`,
    'before a zero': `${PKCS8}\0`,
  },
};
for (const [why, keys] of Object.entries(UNUSABLE))
  for (const [what, pem] of Object.entries(keys))
    test(`[dispatch.bound] a key ${what} is no key that is used`, () => {
      assert.deepEqual(readKeyContainer(encodeUtf8(pem)), { kind: 'unusable', why });
    });
