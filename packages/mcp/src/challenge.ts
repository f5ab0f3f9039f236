/** 401 and 403 (RFC 9449 §7.1, RFC 9728 §5.1, MCP authorization): always DPoP, always where to look and what to ask for. */
import { randomUUID } from 'node:crypto';
import { DAuthError, HEADER, problemDocument } from '@dauth/protocol';
import type { Settings } from './config.ts';

export type ChallengeError = 'invalid_token' | 'invalid_dpop_proof' | 'insufficient_scope';

/** The value of `WWW-Authenticate`. Everything in it is ours: no octet of the request is repeated. */
export function challengeValue(
  settings: Settings,
  scopes: readonly string[],
  error?: ChallengeError,
  description?: string,
): string {
  const parameters = [
    ...(error === undefined ? [] : [`error="${error}"`]),
    ...(description === undefined ? [] : [`error_description="${description.replaceAll('"', "'")}"`]),
    ...(scopes.length === 0 ? [] : [`scope="${scopes.join(' ')}"`]),
    `resource_metadata="${settings.metadataUrl}"`,
    'algs="ES256 Ed25519 EdDSA"',
  ];
  return `DPoP ${parameters.join(', ')}`;
}

/** Refuses with a problem document and the challenge that says what would work. */
export function challenge(
  settings: Settings,
  error: DAuthError,
  scopes: readonly string[],
  kind?: ChallengeError,
): Response {
  return refusal(error, {
    'www-authenticate': challengeValue(settings, scopes, kind, kind === undefined ? undefined : error.publicMessage),
  });
}

/** A problem document (RFC 9457): code, sentence, request id. */
export function refusal(error: DAuthError, headers: Record<string, string> = {}): Response {
  const requestId = randomUUID();
  return new Response(JSON.stringify(problemDocument(error, requestId)), {
    status: error.status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      [HEADER.requestId]: requestId,
      ...headers,
    },
  });
}
