/**
 * Whether a server's certificate leads to a key that the owner pinned (§2.1 `spki`), besides every other check of it.
 * Never takes a chain as it was sent: whatever stands in it counts only where it signed what stands before it.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { DAuthError } from '@dauth/protocol';

/** A certificate as Node hands it over; that of a root names itself as its issuer. */
export interface SentCertificate {
  readonly raw: Uint8Array;
  readonly issuerCertificate?: SentCertificate | undefined;
}

/** RFC 5280 sets no bound; no public chain is longer than four. */
const LONGEST_CHAIN = 8;

/**
 * For `checkServerIdentity`, behind the check of the name: RFC 7469 §2.6 over the leaf and the authorities that signed it,
 * because leaves change their keys every few weeks and their authorities hardly ever.
 * @param pins SHA-256 of SubjectPublicKeyInfo in base64url; undefined where there are none
 */
export function checkPins(pins: readonly string[] | undefined, leaf: SentCertificate): DAuthError | undefined {
  if (pins === undefined) return undefined;
  let sent = leaf;
  let certificate = new X509Certificate(leaf.raw);
  for (let depth = 0; depth < LONGEST_CHAIN; depth++) {
    if (pins.includes(pinOf(certificate))) return undefined;
    const above = sent.issuerCertificate;
    if (above === undefined || above === sent) break;
    const issuer = new X509Certificate(above.raw);
    // Node links certificates by their names alone. Whoever holds a certificate of some other authority could send the pinned
    // one along with it: only a signature by its key says that the leaf is its.
    if (!issuer.ca || !certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) break;
    [sent, certificate] = [above, issuer];
  }
  return new DAuthError(
    'DOWNSTREAM_TLS_ERROR',
    "The upstream's certificate leads to none of the keys that the credential was sealed for, so nothing was sent. Where its keys changed, the owner has to seal the new ones.",
  );
}

/** RFC 7469 §2.4. */
function pinOf(certificate: X509Certificate): string {
  return createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}
