/**
 * What a provider refuses of an authorization server before anything is opened, sent or redeemed: no PKCE, a dangerous
 * address, an answer of somebody else. Never repeats in an error what the other side sent.
 */
import { DAuthError } from '@dauth/protocol';
import { assertSecure } from '../issuer.ts';
import type { Pending } from './records.ts';
import type { ServerMetadata } from './shapes.ts';

/** Metadata that a person may be sent to: S256 said to be there (RFC 8414), every address on TLS. @throws DAuthError `POLICY_DENIED` */
export function assertUsable(metadata: ServerMetadata | undefined): ServerMetadata {
  if (metadata === undefined)
    throw new DAuthError(
      'POLICY_DENIED',
      'The authorization server of this MCP server publishes no metadata, so nothing says that it checks PKCE.',
    );
  if (metadata.code_challenge_methods_supported?.includes('S256') !== true)
    throw new DAuthError('POLICY_DENIED', 'The authorization server does not say that it checks PKCE with S256.');
  assertSecure(metadata.issuer);
  assertOpenable(metadata.authorization_endpoint);
  assertSecure(metadata.token_endpoint);
  if (metadata.registration_endpoint !== undefined) assertSecure(metadata.registration_endpoint);
  return metadata;
}

/**
 * An address that may be opened in a person's browser: https, or http on this machine; never `javascript:`, `file:` or a
 * scheme some program listens to, and no name before the host that could pass for it.
 * @throws DAuthError `INVALID_REQUEST`, `POLICY_DENIED`
 */
export function assertOpenable(address: string | URL): void {
  assertSecure(String(address));
  const { username, password } = new URL(address);
  if (username !== '' || password !== '')
    throw new DAuthError('POLICY_DENIED', 'The address to open hides its host behind a user name.');
}

const ONCE = ['state', 'iss', 'code', 'error'];

/**
 * The answer to the redirect that is open: the same `state`, and the same issuer byte for byte, in errors too (RFC 9207
 * §2.4). @throws DAuthError `UNAUTHENTICATED`
 */
export function assertAnswers(params: URLSearchParams, pending: Pending): void {
  if (ONCE.some((name) => params.getAll(name).length > 1)) throw notOurs();
  if (params.get('state') !== pending.state) throw notOurs();
  const metadata = pending.discovery.authorizationServerMetadata;
  const iss = params.get('iss');
  if (iss === null ? metadata?.authorization_response_iss_parameter_supported === true : iss !== metadata?.issuer)
    throw new DAuthError(
      'UNAUTHENTICATED',
      'The answer does not come from the authorization server that was asked, so its code is not redeemed.',
    );
}

function notOurs(): DAuthError {
  return new DAuthError(
    'UNAUTHENTICATED',
    'The answer does not belong to a redirect of this client. Start again from the MCP client.',
  );
}
