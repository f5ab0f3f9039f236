/**
 * What a client certificate and its key look like before they are sealed (spec/dauth.md §2.9), so that a wrong file is named here
 * and not by an API. Reads labels and lines only: never decodes a key, and never makes one into a string.
 */
import { DAuthError, encodeUtf8, isKeyText, LIMITS, mtlsFields, type Mtls } from '@dauth/protocol';
import type { Fields } from './fields.ts';

const CERTIFICATE = encodeUtf8('-----BEGIN CERTIFICATE-----');
/** Octets; a chain of RSA 4096 has 2 KiB a certificate. */
const MOST_CERTIFICATES = 16_384;

/** @throws DAuthError `INVALID_REQUEST` */
export function assertCertificate(scheme: Mtls, fields: Fields): void {
  const [certificate, key] = mtlsFields(scheme).map((name) => ({ name, value: fields[name]! }));
  for (const { value } of [certificate!, key!])
    if (!(value instanceof Uint8Array))
      throw new TypeError('A field value must be bytes (Uint8Array), never a string.');
  if (!startsWith(certificate!.value, CERTIFICATE) || certificate!.value.length > MOST_CERTIFICATES)
    throw unfit(
      certificate!.name,
      `is a client certificate in PEM, then those above it, ${MOST_CERTIFICATES} octets at most, and nothing before them`,
    );
  if (!isKeyText(key!.value))
    throw unfit(
      key!.name,
      `is a private key of ${LIMITS.clientKey} octets and ${LIMITS.clientKeyLines} lines at most, in PEM with nothing but base64 in them`,
    );
}

function unfit(name: string, what: string): DAuthError {
  return new DAuthError('INVALID_REQUEST', `The value of the field "${name}" ${what}.`);
}

function startsWith(value: Uint8Array, start: Uint8Array): boolean {
  return start.every((octet, at) => value[at] === octet);
}
