/** OAuth errors (RFC 6749 §5.2): a registered code and a sentence of ours. Never a value that was sent. */
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
  | 'temporarily_unavailable';

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
