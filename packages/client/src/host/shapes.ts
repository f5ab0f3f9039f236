/**
 * The words that an MCP host's OAuth client and our provider exchange, by structure: what the official SDK's
 * `OAuthClientProvider` (v2) hands over and takes back. Types only, so that nothing here needs the SDK at run time.
 */
import type { ClientKey } from '../key.ts';

/** RFC 8414 metadata, as far as the provider reads it; an alias, because an interface lacks the SDK's index signature. */
export type ServerMetadata = {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  registration_endpoint?: string | undefined;
  response_types_supported: string[];
  code_challenge_methods_supported?: string[] | undefined;
  token_endpoint_auth_methods_supported?: string[] | undefined;
  authorization_response_iss_parameter_supported?: boolean | undefined;
};

/** What discovery found, kept over the redirect as it was handed over. */
export interface Discovery {
  authorizationServerUrl: string;
  authorizationServerMetadata?: ServerMetadata;
}

/** A client at one issuer. */
export interface HeldClient {
  client_id: string;
  client_secret?: string | undefined;
  token_endpoint_auth_method?: string | undefined;
  redirect_uris?: string[] | undefined;
  issuer?: string | undefined;
}

/** Tokens of one issuer for one resource. */
export interface HeldTokens {
  access_token: string;
  token_type: string;
  refresh_token?: string | undefined;
  scope?: string | undefined;
  issuer?: string | undefined;
}

/** RFC 7591 client metadata. `redirect_uris` and what DPoP asks for are filled in. */
export interface ClientMetadata {
  client_name?: string;
  client_uri?: string;
  logo_uri?: string;
  scope?: string;
  contacts?: string[];
  application_type?: 'native' | 'web';
  grant_types?: string[];
  token_endpoint_auth_method?: string;
  software_id?: string;
  software_version?: string;
}

/** The key of a session, in the SDK's words. */
export interface DpopKeyPair {
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  publicJwk: { kty: string; crv: string; x: string; y?: string };
  thumbprint: string;
  alg: 'ES256';
}

/** The SDK's class of sessions (`DpopSession`), handed in by the host. */
export interface DpopSessions<Session> {
  create(options: { keyPair: DpopKeyPair }): Promise<Session>;
}

/** The issuer that credentials are asked of or kept for. */
type At = { issuer: string };

/** An `OAuthClientProvider` of the SDK, and `readCallback`. */
export interface McpProvider<Session> {
  readonly redirectUrl: string;
  readonly clientMetadata: ClientMetadata & { redirect_uris: string[] };
  readonly clientMetadataUrl?: string;
  /**
   * Checks the address the person came back to (`state`, `iss`), for `transport.finishAuth`.
   * @throws DAuthError `UNAUTHENTICATED` where it answers no redirect of this client
   */
  readCallback(address: string | URL): Promise<URLSearchParams>;
  state(): string;
  clientInformation(at?: At): Promise<HeldClient | undefined>;
  saveClientInformation?(client: HeldClient, at?: At): Promise<void>;
  tokens(at?: At): Promise<HeldTokens | undefined>;
  saveTokens(tokens: HeldTokens, at?: At): Promise<void>;
  redirectToAuthorization(url: URL): Promise<void>;
  saveCodeVerifier(verifier: string): Promise<void>;
  codeVerifier(): Promise<string>;
  addClientAuthentication(
    headers: Headers,
    params: URLSearchParams,
    url: string | URL,
    metadata?: ServerMetadata,
  ): Promise<void>;
  dpop(): Promise<Session>;
  invalidateCredentials(what: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): Promise<void>;
  saveAuthorizationServerUrl(issuer: string): void;
  saveResourceUrl(resource: string): void;
  saveDiscoveryState(discovery: Discovery): void;
  discoveryState(): Promise<Discovery | undefined>;
}

/** The client's key in the SDK's words; the private part stays in WebCrypto. */
export function toDpopKeyPair({ privateKey, publicKey, jwk, jkt }: ClientKey): DpopKeyPair {
  return { privateKey, publicKey, publicJwk: { ...jwk }, thumbprint: jkt, alg: 'ES256' };
}
