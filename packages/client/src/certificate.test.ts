import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError, type Mtls } from '@dauth/protocol';
import { assertCertificate } from './certificate.ts';

const MTLS = { scheme: 'mtls', certificate: '{certificate}', private_key: '{key}' } as Mtls;
const pem = (label: string, body: string): Buffer =>
  Buffer.from(`-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`);
const check = (key: Buffer): void => assertCertificate(MTLS, { certificate: pem('CERTIFICATE', 'MIIB'), key });

test('a key in any of its forms is sealed', () => {
  for (const label of ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY']) check(pem(label, 'MIGH'));
  check(Buffer.of(0x30, 0x20));
});

test('[response.clean] a key that no answer could be searched for in time is not sealed', () => {
  for (const body of ['MIGH\n'.repeat(128), `MIGH\n${' '.repeat(16)}`, 'A'.repeat(8_192)])
    assert.throws(
      () => check(pem('PRIVATE KEY', body)),
      (error: unknown) =>
        error instanceof DAuthError &&
        error.code === 'INVALID_REQUEST' &&
        error.publicMessage ===
          'The value of the field "key" is a private key of 8192 octets and 128 lines at most, in PEM with nothing but base64 in them.',
    );
});
