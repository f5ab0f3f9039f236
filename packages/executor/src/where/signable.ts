/**
 * What a scheme asks of a request in step 4 (spec/dauth.md §2.5): that it can be signed as it stands, and a whole body where
 * the signature covers it.
 * Never sees a value, and never mends a request: what two readers would read differently is not signed for.
 */
import { Readable } from 'node:stream';
import { DAuthError, isS3, isScheme, LIMITS, needsBody, type Injection, type Scheme } from '@dauth/protocol';
import { readWhole, type Hold } from '../door/upload.ts';
import { hasOAuthField, isForm, pairsOf, readFormField } from './form.ts';
import type { Destination } from './target.ts';

const NOTHING = new Uint8Array(0);

type Body = Readable | Uint8Array | null;

/**
 * @param length octets of a body that streams, where the caller said so
 * @returns the body to send: the one that was given, or all of it where a signature covers it
 * @throws DAuthError `INVALID_REQUEST`, `PAYLOAD_TOO_LARGE`, `BAD_REQUEST`
 */
export async function makeSignable(
  body: Body,
  injections: readonly Injection[],
  to: Destination,
  length: number | undefined,
  hold: Hold,
): Promise<Body> {
  const scheme = injections.find(isScheme);
  if (scheme === undefined) return body;
  // S3 reads it as a space, others that speak its protocol as a plus: signed for one it would be refused by the other.
  if (scheme.scheme === 'aws_sigv4' && isS3(scheme) && to.path.includes('+'))
    throw new DAuthError(
      'INVALID_REQUEST',
      'A path is signed for S3 without "+": write a plus as %2B, a space as %20.',
    );
  // AWS and OAuth 1.0 spell each parameter anew; an HMAC takes the query as it stands.
  if (scheme.scheme !== 'hmac') pairsOf(to.target.slice(to.path.length + 1));
  const most = scheme.scheme === 'oauth1' && isForm(to.headers) ? LIMITS.signedForm : LIMITS.signedBody;
  const tooLarge = (): DAuthError => tooLargeOver(most);
  const isSigned = signsWhole(scheme, length, to);
  const whole = isSigned && body instanceof Readable ? await readWhole(body, most, { hold, tooLarge }) : body;
  if (isSigned && whole instanceof Uint8Array && whole.length > most) throw tooLarge();
  assertForm(scheme, whole instanceof Uint8Array ? whole : NOTHING, to);
  assertOneCoding(scheme, to);
  return whole;
}

/**
 * S3 takes bodies unsigned, which TLS alone keeps whole, or in signed pieces, before which it has to know the length; OAuth 1.0
 * signs forms only.
 */
function signsWhole(scheme: Scheme, length: number | undefined, { origin, headers }: Destination): boolean {
  switch (scheme.scheme) {
    case 'aws_sigv4':
      return !isS3(scheme) || (scheme.payload === 'chunks' ? length === undefined : !origin.startsWith('https:'));
    case 'hmac':
      return needsBody(scheme);
    case 'oauth1':
      return isForm(headers);
  }
}

function assertForm(scheme: Scheme, body: Uint8Array, { headers }: Destination): void {
  if (scheme.scheme === 'hmac' && typeof scheme.nonce === 'object') readFormField(body, scheme.nonce.form);
  if (scheme.scheme === 'oauth1' && isForm(headers) && hasOAuthField(body))
    throw new DAuthError('POLICY_DENIED', 'The form names a parameter of the signature; leave it out.');
}

/** Two layers of pieces, one of them without signatures, would be stored as the body. */
function assertOneCoding(scheme: Scheme, { headers }: Destination): void {
  const codings = headers.filter(([name]) => name === 'content-encoding').map(([, value]) => value.toLowerCase());
  if (scheme.scheme === 'aws_sigv4' && codings.some((value) => value.includes('aws-chunked')))
    throw new DAuthError(
      'POLICY_DENIED',
      'A body comes without "aws-chunked": the executor signs it, in pieces where the credential says so.',
    );
}

function tooLargeOver(octets: number): DAuthError {
  return new DAuthError(
    'PAYLOAD_TOO_LARGE',
    `The credential signs the whole body, which may have ${octets === LIMITS.signedForm ? '256 KiB' : '4 MiB'} at most then. Send it in parts.`,
  );
}
