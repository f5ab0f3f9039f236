/** What a host says when it makes a provider, and what follows from it before any server is asked. No I/O, no state. */
import type { ClientKey } from '../key.ts';
import { assertSecure } from '../issuer.ts';
import type { ProviderStorage } from './records.ts';
import type { ClientMetadata, DpopSessions, HeldClient } from './shapes.ts';

export interface McpProviderOptions<Session> {
  /** The MCP server, as given to the transport. One provider serves one server. */
  readonly server: string | URL;
  /** Tokens are bound to it; it also authenticates a client registered with `private_key_jwt`. */
  readonly key: ClientKey;
  /** The SDK's `DpopSession`, imported by the host. */
  readonly DpopSession: DpopSessions<Session>;
  /** Where the authorization server sends the person back to. */
  readonly redirectUrl: string | URL;
  /** Opens an address that was checked in the person's browser. Never through a shell. */
  readonly redirectToAuthorization: (url: URL) => void | Promise<void>;
  /**
   * A client metadata document's https URL, or the id of a client that was registered before (then `issuer` says where).
   * Without one the client registers itself.
   */
  readonly clientId?: string;
  /** The one issuer that knows a registered `clientId`. */
  readonly issuer?: string;
  /** The secret of a registered client, where its issuer gives secrets. */
  readonly clientSecret?: string;
  /** `private_key_jwt` where `key` was registered with `clientId`. Default: no authentication, or the secret. */
  readonly authentication?: 'none' | 'private_key_jwt';
  /** What the client says of itself where it registers. */
  readonly metadata?: ClientMetadata;
  /** Wished for in the authorization request (RFC 9396); the person decides. */
  readonly authorizationDetails?: readonly object[];
  /** Default: a `Map`, so that the person is asked again after a restart. */
  readonly storage?: ProviderStorage;
  /** Takes Bearer tokens from servers that cannot bind them. Whoever steals one can use it. Default false. */
  readonly dangerouslyAllowBearer?: boolean;
}

/** RFC 8707 and MCP: absolute, no fragment, and no slash after a host that has no path. */
export function canonicalResource(server: string | URL): string {
  const url = new URL(server);
  assertSecure(url.href);
  url.hash = '';
  return url.pathname === '/' && url.search === '' ? url.origin : url.href;
}

/** Who the client is, as far as that is known before it meets an issuer. @throws TypeError where options contradict each other */
export function findIdentity(options: McpProviderOptions<unknown>): {
  readonly documentUrl?: string;
  readonly registered?: HeldClient;
} {
  const { clientId, issuer, clientSecret } = options;
  const isRegistered = clientId !== undefined && !isDocumentUrl(clientId);
  if (isRegistered) return { registered: registeredClient(options, clientId) };
  if (issuer !== undefined || clientSecret !== undefined)
    throw new TypeError('`issuer` and `clientSecret` belong to a registered client: give its `clientId`.');
  return clientId === undefined ? {} : { documentUrl: clientId };
}

/** A client metadata document has a path; a bare origin, or an id with no scheme, is a registered client. */
function isDocumentUrl(clientId: string): boolean {
  return URL.canParse(clientId) && new URL(clientId).protocol === 'https:' && new URL(clientId).pathname !== '/';
}

function registeredClient(options: McpProviderOptions<unknown>, clientId: string): HeldClient {
  const { issuer, clientSecret, authentication } = options;
  if (issuer === undefined)
    throw new TypeError('A registered client is known to one issuer: give `issuer` with its `clientId`.');
  if (clientSecret !== undefined && authentication !== undefined)
    throw new TypeError('A client authenticates in one way: give `clientSecret` or `authentication`.');
  assertSecure(issuer);
  return {
    client_id: clientId,
    issuer,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    ...(authentication === undefined ? {} : { token_endpoint_auth_method: authentication }),
  };
}
