/**
 * The client side of MCP authorization, for hosts on the official SDK: `mcpProvider` makes an `OAuthClientProvider` whose
 * tokens are bound to this device's key. It sends nothing by itself; what the SDK sends for it goes to the issuer and the
 * resource only, and no credential stands in an error.
 */
import { DAuthError, encodeBase64url } from '@dauth/protocol';
import { assertSameResource } from './fetch.ts';
import { authenticate } from './host/authenticate.ts';
import { assertAnswers, assertOpenable, assertUsable } from './host/guard.ts';
import { canonicalResource, findIdentity, type McpProviderOptions } from './host/options.ts';
import { Records, type Pending } from './host/records.ts';
import { toDpopKeyPair, type Discovery, type HeldClient, type McpProvider } from './host/shapes.ts';
import { assertSecure } from './issuer.ts';

/** How long a person has to come back from the redirect, in milliseconds. */
const PENDING_LIFE = 10 * 60_000;

/**
 * Makes the provider of one MCP server.
 *
 * @example
 * ```ts
 * const provider = mcpProvider({ server, key, DpopSession, redirectUrl, redirectToAuthorization: (url) => open(url) });
 * const transport = new StreamableHTTPClientTransport(new URL(server), { authProvider: provider });
 * await client.connect(transport).catch(async (error) => {
 *   if (!(error instanceof UnauthorizedError)) throw error;
 *   await transport.finishAuth(await provider.readCallback(await cameBackTo()));
 *   // connect again, with a new transport
 * });
 * ```
 * @throws TypeError where options contradict each other; DAuthError `INVALID_REQUEST` for an address that is not on TLS
 */
export function mcpProvider<Session>(options: McpProviderOptions<Session>): McpProvider<Session> {
  const { key } = options;
  const server = canonicalResource(options.server);
  const redirectUrl = String(options.redirectUrl);
  // A code that comes back over plain http, or to a scheme that any program may claim, is read by others (MCP, communication security).
  assertSecure(redirectUrl);
  const { documentUrl, registered } = findIdentity(options);
  const records = new Records(options.storage ?? new Map<string, string>(), server, key.jkt);
  /** What the SDK is at: set anew each time it starts, before anything is read or written. */
  const flow: { issuer?: string; resource: string; discovery?: Discovery; state?: string; open?: Pending | undefined } =
    {
      resource: server,
    };
  let session: Promise<Session> | undefined;

  const livePending = async (): Promise<Pending | undefined> => {
    const pending = await records.pending();
    return pending !== undefined && pending.started + PENDING_LIFE > Date.now() ? pending : undefined;
  };
  const clientAt = async (issuer: string): Promise<HeldClient | undefined> => {
    if (registered !== undefined) return registered;
    const held = await records.client(issuer);
    // Registered for another address to come back to: of no use here.
    return held?.redirect_uris?.includes(redirectUrl) === false ? undefined : held;
  };

  return {
    redirectUrl,
    clientMetadata: {
      client_name: 'MCP client',
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
      ...options.metadata,
      redirect_uris: [redirectUrl],
      ...{ response_types: ['code'], dpop_bound_access_tokens: options.dangerouslyAllowBearer !== true },
    },
    ...(documentUrl === undefined ? {} : { clientMetadataUrl: documentUrl }),

    async readCallback(address) {
      const pending = await livePending();
      if (pending === undefined)
        throw new DAuthError('UNAUTHENTICATED', 'No redirect is open. Start again from the MCP client.');
      const params = new URL(address).searchParams;
      assertAnswers(params, pending);
      return params;
    },

    state() {
      flow.state = encodeBase64url(crypto.getRandomValues(new Uint8Array(32)));
      return flow.state;
    },

    async clientInformation(at) {
      const issuer = at?.issuer ?? flow.issuer ?? (await records.current())?.issuer;
      return issuer === undefined ? undefined : clientAt(issuer);
    },
    ...(registered === undefined
      ? {
          async saveClientInformation(client: HeldClient, at?: { issuer: string }) {
            await records.saveClient(at?.issuer ?? assertKnown(flow.issuer), client);
          },
        }
      : {}),

    async tokens(at) {
      const of = at === undefined ? await records.current() : { issuer: at.issuer, resource: flow.resource };
      return of === undefined ? undefined : records.tokens(of);
    },

    async saveTokens(tokens, at) {
      if (tokens.token_type.toLowerCase() !== 'dpop' && options.dangerouslyAllowBearer !== true)
        throw new DAuthError('UNAUTHENTICATED', 'The authorization server did not bind the token to this key.');
      const of = { issuer: at?.issuer ?? assertKnown(flow.issuer), resource: flow.resource };
      // A server may leave the scope out where it gave what was asked for (RFC 6749 §5.1); a step-up needs to know it.
      const scope = tokens.scope ?? (flow.open === undefined ? (await records.tokens(of))?.scope : flow.open.scope);
      await records.saveTokens(of, { ...tokens, ...(scope === undefined ? {} : { scope }) });
      if (flow.open === undefined) return;
      delete flow.open;
      await records.dropPending();
    },

    async redirectToAuthorization(url) {
      assertOpenable(url);
      const asked = new URL(url);
      asked.searchParams.set('resource', flow.resource);
      asked.searchParams.set('dpop_jkt', key.jkt);
      if (options.authorizationDetails !== undefined)
        asked.searchParams.set('authorization_details', JSON.stringify(options.authorizationDetails));
      const pending = await records.pending();
      if (pending === undefined) throw notStarted();
      await records.savePending({ ...pending, scope: asked.searchParams.get('scope') ?? undefined });
      await options.redirectToAuthorization(asked);
    },

    async saveCodeVerifier(verifier) {
      const { state, discovery } = flow;
      if (state === undefined || discovery === undefined) throw notStarted();
      await records.savePending({ state, verifier, discovery, started: Date.now() });
    },

    async codeVerifier() {
      flow.open = await livePending();
      if (flow.open === undefined) throw notStarted();
      return flow.open.verifier;
    },

    async addClientAuthentication(headers, params, url, metadata) {
      const usable = assertUsable(metadata);
      if (new URL(url).href !== new URL(usable.token_endpoint).href)
        throw new DAuthError('POLICY_DENIED', 'A client authenticates at the token endpoint of its issuer only.');
      const client = await clientAt(usable.issuer);
      if (client === undefined || (client.issuer ?? usable.issuer) !== usable.issuer) throw notStarted();
      params.set('resource', flow.resource);
      await authenticate(
        key,
        { token_endpoint_auth_method: options.authentication, ...client },
        usable,
        headers,
        params,
      );
    },

    dpop() {
      session ??= options.DpopSession.create({ keyPair: toDpopKeyPair(key) });
      return session;
    },

    async invalidateCredentials(what) {
      const of = await records.current();
      const issuer = flow.issuer ?? of?.issuer;
      if ((what === 'all' || what === 'client') && issuer !== undefined) await records.dropClient(issuer);
      if ((what === 'all' || what === 'tokens') && of !== undefined) await records.dropTokens(of);
      if (what !== 'client' && what !== 'tokens') await records.dropPending();
    },

    saveAuthorizationServerUrl(issuer) {
      flow.issuer = issuer;
      flow.resource = server;
    },
    saveResourceUrl(resource) {
      assertSameResource(new URL(server), new URL(resource));
      flow.resource = resource;
    },
    saveDiscoveryState(discovery) {
      assertUsable(discovery.authorizationServerMetadata);
      flow.discovery = discovery;
    },
    async discoveryState() {
      const pending = await livePending();
      if (pending !== undefined) flow.discovery = pending.discovery;
      // Without an open redirect nothing is remembered: an MCP server may have moved to another issuer since.
      return pending?.discovery;
    },
  };
}

function assertKnown(issuer: string | undefined): string {
  if (issuer === undefined) throw notStarted();
  return issuer;
}

function notStarted(): DAuthError {
  return new DAuthError('UNAUTHENTICATED', 'No authorization is under way. Start again from the MCP client.');
}
