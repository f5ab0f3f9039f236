/** Refusals of the endpoints that answer in JSON (RFC 6749 §5.2, RFC 9126 §2.3). Never one shape at one and another there. */
import { asDAuthError } from '@dauth/protocol';
import type { Authority } from '../context.ts';
import { BodyAborted, type HttpContext } from '../http.ts';
import { OAuthError } from './errors.ts';

/** RFC 6749 §5.2. What is no refusal of a token is thrown on: the edge answers and logs it as what it is. */
export function oauthProblem(
  authority: Authority,
  c: HttpContext,
  error: unknown,
  event: 'token_refused' | 'push_refused' | 'device_refused' | 'revocation_refused' | 'introspection_refused',
): Response {
  if (error instanceof BodyAborted) throw error;
  const known = asOAuthError(error);
  authority.log({ event, error: known.code, request_id: c.get('requestId') });
  if (known.status === 503) c.header('retry-after', '1');
  return c.json(
    { error: known.code, error_description: known.description, request_id: c.get('requestId') },
    known.status,
  );
}

/** A refusal, also of our own codecs, as OAuth says it. @throws whatever is none */
export function asOAuthError(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error;
  const known = asDAuthError(error);
  if (known.code === 'INTERNAL') throw error;
  const code = known.code === 'ENCLAVE_UNAVAILABLE' ? 'temporarily_unavailable' : 'invalid_request';
  return new OAuthError(code, known.publicMessage, { cause: error });
}
