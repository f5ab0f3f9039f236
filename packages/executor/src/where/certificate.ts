/**
 * Whether a certificate speaks for a host (RFC 9525), besides the chain check of TLS itself.
 * Never by common name, never by IP address, never by comparing printed names: Node's own check was fooled by those.
 */
import { X509Certificate } from 'node:crypto';

const ASCII_HOST = /^[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/;

/**
 * For `checkServerIdentity`: `undefined` where the certificate has a dNSName that equals `host` or covers it with one
 * whole left-most `*` label.
 * @param certificate the DER octets
 */
export function checkServerName(host: string, certificate: Uint8Array): Error | undefined {
  const matched = ASCII_HOST.test(host)
    ? new X509Certificate(certificate).checkHost(host, {
        subject: 'never',
        wildcards: true,
        partialWildcards: false,
        multiLabelWildcards: false,
        singleLabelSubdomains: false,
      })
    : undefined;
  if (matched !== undefined) return undefined;
  return Object.assign(new Error('The certificate is for another host.'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
}
