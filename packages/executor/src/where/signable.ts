/**
 * What a scheme asks of a request in step 4 (spec/dauth.md §2.5): that it can be signed as it stands, and a whole body where
 * the signature covers it.
 * Never sees a value, and never mends a request: what two readers would read differently is not signed for.
 */
import { Readable } from 'node:stream';
import { DAuthError, isS3, isScheme, LIMITS, needsBody, type Injection, type Scheme } from '@dauth/protocol';
import { readWhole } from '../door/upload.ts';
import { readFormField } from './form.ts';
import type { Destination } from './target.ts';

type Body = Readable | Uint8Array | null;

/**
 * @returns the body to send: the one that was given, or all of it where a signature covers it
 * @throws DAuthError `INVALID_REQUEST`, `PAYLOAD_TOO_LARGE`, `BAD_REQUEST`
 */
export async function makeSignable(body: Body, injections: readonly Injection[], to: Destination): Promise<Body> {
  const scheme = injections.find(isScheme);
  if (scheme === undefined) return body;
  // S3 reads it as a space, others that speak its protocol as a plus: signed for one it would be refused by the other.
  if (scheme.scheme === 'aws_sigv4' && isS3(scheme) && to.path.includes('+'))
    throw new DAuthError(
      'INVALID_REQUEST',
      'A path is signed for S3 without "+": write a plus as %2B, a space as %20.',
    );
  const isStreamed = body instanceof Readable && signsBody(scheme, to);
  const whole = isStreamed ? await readWhole(body, LIMITS.signedBody, { tooLarge }) : body;
  if (scheme.scheme === 'hmac' && typeof scheme.nonce === 'object')
    readFormField(whole instanceof Uint8Array ? whole : new Uint8Array(0), scheme.nonce.form);
  return whole;
}

/** S3 takes bodies unsigned, which TLS alone keeps whole. */
function signsBody(scheme: Scheme, { origin }: Destination): boolean {
  return scheme.scheme === 'hmac' ? needsBody(scheme) : !isS3(scheme) || !origin.startsWith('https:');
}

function tooLarge(): DAuthError {
  return new DAuthError(
    'PAYLOAD_TOO_LARGE',
    'The credential signs the whole body, which may have 4 MiB at most then. Send it in parts.',
  );
}
