/** OAuth errors (RFC 6749 §4.1.2.1, §5.2): a registered code and a sentence of ours. Never a value that was sent. */
export type OAuthCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'unsupported_token_type'
  | 'invalid_authorization_details'
  | 'temporarily_unavailable'
  // At the authorization endpoint only; the last five are registered by OpenID Connect Core §3.1.2.6.
  | 'unsupported_response_type'
  // Also of the device flow (RFC 8628 §3.5), as are the next three.
  | 'access_denied'
  | 'authorization_pending'
  | 'slow_down'
  | 'expired_token'
  | 'login_required'
  | 'consent_required'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'invalid_request_uri';

export class OAuthError extends Error {
  readonly code: OAuthCode;
  readonly description: string;

  constructor(code: OAuthCode, description: string, options?: { cause?: unknown }) {
    super(`${code}: ${description}`, options);
    this.name = 'OAuthError';
    this.code = code;
    this.description = description;
  }

  get status(): 400 | 401 | 503 {
    return this.code === 'invalid_client' ? 401 : this.code === 'temporarily_unavailable' ? 503 : 400;
  }
}
