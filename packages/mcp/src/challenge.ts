/**
 * 401 and 403 (RFC 9449 §7.1, RFC 9728 §5.1, MCP authorization): always where to look and what to ask for; DPoP, and Bearer
 * beside it where the configuration takes tokens that are bound to no key.
 */
import { randomUUID } from 'node:crypto';
import { DAuthError, HEADER, problemDocument } from '@dauth/protocol';
import type { Settings } from './config.ts';

export type ChallengeError = 'invalid_token' | 'invalid_dpop_proof' | 'use_dpop_nonce' | 'insufficient_scope';

export interface ChallengeParts {
  readonly scopes: readonly string[];
  readonly error?: ChallengeError | undefined;
  readonly description?: string | undefined;
  /** Whether only DPoP would work: always, or for the token that was shown. */
  readonly isBound: boolean;
  /** For the next proof, where proofs need one. */
  readonly nonce?: string | undefined;
}

/** The value of `WWW-Authenticate`. Everything in it is ours: no octet of the request is repeated. */
export function challengeValue(settings: Settings, parts: ChallengeParts): string {
  const common = [
    ...(parts.scopes.length === 0 ? [] : [`scope="${parts.scopes.join(' ')}"`]),
    `resource_metadata="${settings.metadataUrl}"`,
  ];
  const said = [
    ...(parts.error === undefined ? [] : [`error="${parts.error}"`]),
    ...(parts.description === undefined ? [] : [`error_description="${parts.description.replaceAll('"', "'")}"`]),
  ];
  const dpop = `DPoP ${[...said, ...common, 'algs="ES256 Ed25519 EdDSA"'].join(', ')}`;
  if (parts.isBound) return dpop;
  // First: hosts that cannot sign, for whom this is, read the first scheme only.
  return `Bearer ${[...said, ...common].join(', ')}, ${dpop}`;
}

/** Refuses with a problem document and the challenge that says what would work. */
export function challenge(settings: Settings, error: DAuthError, parts: Omit<ChallengeParts, 'description'>): Response {
  const description = parts.error === undefined ? undefined : error.publicMessage;
  return refusal(error, {
    'www-authenticate': challengeValue(settings, { ...parts, description }),
    ...(parts.nonce === undefined ? {} : { 'dpop-nonce': parts.nonce }),
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
