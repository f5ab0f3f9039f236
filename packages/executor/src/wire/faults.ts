/**
 * What can go wrong on the way out, as codes (protocol.md §5 "Codes").
 * Never passes on what an upstream, a resolver or a library said: only which kind of failure it was.
 */
import { DAuthError } from '@dauth/protocol';

const TLS_CODES =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|ERROR_IN_CERT|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|EPROTO$)/;

/**
 * Alerts about a client's certificate (RFC 8446 §6.2, RFC 5246 §7.2.2), as OpenSSL 3.0 and 3.5 name them. A server that wants one may
 * say only that the handshake failed.
 */
const CLIENT_ALERTS =
  /_ALERT_(?:CERTIFICATE_(?:REQUIRED|EXPIRED|REVOKED|UNKNOWN)|(?:BAD|NO|UNSUPPORTED)_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)$/;

/** Any error of the data path as one of ours. */
export function asDownstream(error: unknown): DAuthError {
  if (error instanceof DAuthError) return error;
  const code = codeOf(error);
  if (CLIENT_ALERTS.test(code))
    return new DAuthError(
      'DOWNSTREAM_AUTH_FAILURE',
      'The upstream takes only clients with a certificate that it trusts: it refused the one of the sealed credential, or there is none in it.',
    );
  // The cause is for local eyes and stays out: a parser's error carries the bytes it could not read.
  if (TLS_CODES.test(code)) return new DAuthError('DOWNSTREAM_TLS_ERROR');
  if (isUpgrade(error))
    return new DAuthError(
      'RESPONSE_UNSCANNABLE',
      'The upstream switched to another protocol, which cannot be checked.',
    );
  if (code === 'ETIMEDOUT') return new DAuthError('DOWNSTREAM_TIMEOUT');
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return new DAuthError('RESPONSE_TOO_LARGE', 'The headers of the upstream answer are larger than allowed.');
  return new DAuthError('DOWNSTREAM_UNREACHABLE');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The HTTP client's word for a 101 that nobody asked for. */
function isUpgrade(error: unknown): boolean {
  return codeOf(error) === 'UND_ERR_SOCKET' && (error as Error).message === 'bad upgrade';
}

/** Why a call ends that its signal ended. */
export function abortReason(signal: AbortSignal | undefined): DAuthError {
  return signal?.reason instanceof DAuthError
    ? signal.reason
    : new DAuthError('ENCLAVE_UNAVAILABLE', 'The call was cut off.');
}

/**
 * Where memory that is freed is not overwritten (freed.ts).
 * @param what of which OpenSSL frees the octets as they are
 */
export function untaken(what: string): DAuthError {
  return new DAuthError(
    'POLICY_DENIED',
    `This executor takes no ${what}: its C library does not overwrite what is freed, and parts of the key would stay in memory. It does so with the GNU C library (Linux).`,
  );
}
