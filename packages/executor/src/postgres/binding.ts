/**
 * Channel binding `tls-server-end-point` (RFC 5929 §4.1): the digest of the server's certificate, by which a proof of SCRAM is
 * good on this very connection only. Never a guess: a certificate whose signature is not known here has none.
 */
import { createHash } from 'node:crypto';

/** Signature algorithm → its hash; MD5 and SHA-1 are replaced by SHA-256. */
const HASHES: Readonly<Record<string, string>> = {
  __proto__: null as never,
  // sha1WithRSAEncryption, sha256, sha384, sha512 (RFC 8017 Appendix A.2.4)
  '2a864886f70d010105': 'sha256',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  // ecdsa-with-SHA256, -SHA384, -SHA512 (RFC 5758 §3.2)
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
};

const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;

/** @param certificate the DER octets */
export function serverEndPoint(certificate: Buffer): Buffer | undefined {
  // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, … }, … } (RFC 5280 §4.1)
  const outer = read(certificate, 0, SEQUENCE);
  const body = outer && read(certificate, outer.start, SEQUENCE);
  const algorithm = body && read(certificate, body.end, SEQUENCE);
  const oid = algorithm && read(certificate, algorithm.start, OBJECT_IDENTIFIER);
  const hash = oid && HASHES[certificate.toString('hex', oid.start, oid.end)];
  return hash === undefined ? undefined : createHash(hash).update(certificate).digest();
}

/** One element of DER: where its content starts and ends. */
function read(der: Buffer, at: number, tag: number): { readonly start: number; readonly end: number } | undefined {
  const first = der[at + 1];
  if (der[at] !== tag || first === undefined) return undefined;
  const extra = first < 0x80 ? 0 : first & 0x7f;
  if (extra > 4 || at + 2 + extra > der.length) return undefined;
  const length = extra === 0 ? first : der.readUIntBE(at + 2, extra);
  const start = at + 2 + extra;
  return start + length > der.length ? undefined : { start, end: start + length };
}
