/**
 * How the client shows at the token endpoint who it is: not at all (public), by a signature of its key, or by a secret that
 * the server gave it. Never by more than the server asks for, and never at another address than its token endpoint.
 */
import { DAuthError, encodeBase64url, encodeUtf8 } from '@dauth/protocol';
import * as oauth from 'oauth4webapi';
import type { ClientKey } from '../key.ts';
import type { HeldClient, ServerMetadata } from './shapes.ts';

/** Adds the client's authentication to a token request (RFC 6749 §2.3, RFC 7523 §2.2). */
export async function authenticate(
  key: ClientKey,
  client: HeldClient,
  metadata: ServerMetadata,
  headers: Headers,
  params: URLSearchParams,
): Promise<void> {
  const server: oauth.AuthorizationServer = { issuer: metadata.issuer };
  await chooseMethod(key, client, metadata)(server, { client_id: client.client_id }, params, headers);
}

function chooseMethod(key: ClientKey, client: HeldClient, metadata: ServerMetadata): oauth.ClientAuth {
  const { client_secret: secret, token_endpoint_auth_method: own } = client;
  const taken = metadata.token_endpoint_auth_methods_supported ?? [];
  const takes = (method: string): boolean => taken.includes(method);
  if (own === 'private_key_jwt') return oauth.PrivateKeyJwt(key.privateKey);
  if (own === 'none' || secret === undefined) return oauth.None();
  if (own === 'client_secret_post' && (taken.length === 0 || takes(own))) return oauth.ClientSecretPost(secret);
  // Where nothing is said, Basic is what is meant (RFC 8414 §2).
  if (taken.length === 0 || takes('client_secret_basic')) return basic(secret);
  if (takes('client_secret_post')) return oauth.ClientSecretPost(secret);
  if (takes('none')) return oauth.None();
  throw new DAuthError(
    'POLICY_DENIED',
    'The authorization server takes no way of authentication that this client knows.',
  );
}

/**
 * RFC 6749 §2.3.1, encoded as forms are and no further: `oauth4webapi` also escapes `-`, `.` and `_`, and servers that
 * compare without decoding, as those of the MCP conformance suite, then know no such client.
 */
function basic(secret: string): oauth.ClientAuth {
  return (_server, { client_id: id }, _params, headers) => {
    const pair = encodeBase64url(encodeUtf8(`${formEncoded(id)}:${formEncoded(secret)}`));
    const padded = pair.padEnd(Math.ceil(pair.length / 4) * 4, '=');
    headers.set('authorization', `Basic ${padded.replaceAll('-', '+').replaceAll('_', '/')}`);
  };
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
