/**
 * The scheme `mtls` (§2.9): a client certificate (RFC 8446 §4.4.2, RFC 5246 §7.4.6) and its private key, both sealed, by which
 * the executor says over TLS who calls. Never holds a value and never presents it.
 */
import { parseKeyField } from './jwt-bearer.ts';
import { originParts } from './origin.ts';
import type { AllowRule } from './policy.ts';
import { exactObject, refuse } from './shape.ts';
import { namedFields, parseTemplate, type Template } from './template.ts';

/** It occupies no slot of a request: slots may stand beside it. */
export interface Mtls {
  readonly scheme: 'mtls';
  /** Exactly one field: the certificate in PEM, then those of the authorities above it. Public, but long, so it is sealed too. */
  readonly certificate: Template;
  /** Exactly one other field, of a key as for `jwt_bearer`. */
  readonly private_key: Template;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseMtls(value: unknown): Mtls {
  const said = exactObject(value, 'The scheme "mtls"', ['scheme', 'certificate', 'private_key']);
  const certificate = parseTemplate(said.certificate, true);
  if (certificate !== `{${namedFields([certificate])[0]}}`)
    refuse('"certificate" is one field and nothing else, as in "{certificate}".');
  const privateKey = parseKeyField(said.private_key);
  if (privateKey === certificate) refuse('"certificate" and "private_key" are two fields.');
  return Object.freeze({ scheme: 'mtls', certificate, private_key: privateKey });
}

/** The field names it refers to. */
export function mtlsFields({ certificate, private_key: key }: Mtls): readonly string[] {
  return namedFields([certificate, key]);
}

/**
 * Without TLS there is nobody to show a certificate to, and without it a request is another one than was sealed.
 * @throws DAuthError `INVALID_REQUEST`
 */
export function assertOverTls(allow: readonly AllowRule[]): void {
  if (allow.some(({ origin }) => originParts(origin).scheme !== 'https'))
    refuse('The scheme "mtls" goes with https origins only.');
}
