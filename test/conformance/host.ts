/**
 * The MCP client that the conformance suite tries: the official SDK's client with `mcpProvider`, and a person who consents at
 * once. Knows no scenario by heart beyond what a scenario's context hands to a client.
 */
import { generateKey, mcpProvider } from '@dauth/client';
import { Client, DpopSession, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';

/** What the suite tells a client: the server by its argument, the rest by its environment. */
export interface Told {
  readonly server: string;
  readonly scenario: string;
  readonly version: string;
  readonly context: {
    readonly client_id?: string;
    readonly client_secret?: string;
    readonly issuer?: string;
    readonly private_key_pem?: string;
    readonly valid_jwt?: string;
  };
}

/** Far beyond the suite's own patience: in the SDK's time for its first request the person's consent is included. */
const PATIENCE_MS = 300_000;

/** Does what a host does: connects, reads the list of tools, calls each. @param gone ends all requests */
export async function useAsHost({ server, scenario, version, context }: Told, gone: AbortSignal): Promise<void> {
  /** A connection for each request: none that is kept can end, by the server's timer, just as it is used again. */
  const freshFetch = (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set('connection', 'close');
    return fetch(url, { ...init, headers, signal: init.signal ? AbortSignal.any([init.signal, gone]) : gone });
  };
  /** Where the person's browser was sent back to: what a host's callback listener would have seen. */
  let cameBackTo: string | undefined;
  const { client_id: clientId, client_secret: clientSecret, issuer } = context;
  const provider = mcpProvider({
    server,
    key: await generateKey(),
    DpopSession,
    redirectUrl: 'http://127.0.0.1:3000/callback',
    async redirectToAuthorization(url) {
      const response = await freshFetch(url, { redirect: 'manual' });
      cameBackTo = response.headers.get('location') ?? undefined;
    },
    ...(clientId === undefined
      ? { clientId: 'https://conformance-test.local/client-metadata.json' }
      : {
          clientId,
          ...(issuer === undefined ? {} : { issuer }),
          ...(clientSecret === undefined ? {} : { clientSecret }),
        }),
    // All servers of the suite but those of the DPoP extension give Bearer tokens.
    dangerouslyAllowBearer: !scenario.startsWith('auth/dpop'),
  });
  const options =
    version === '2026-07-28'
      ? { versionNegotiation: { mode: { pin: version }, probe: { timeoutMs: PATIENCE_MS } } }
      : {};

  // Once more after each time the person came back; twice at most, so that no server keeps the person clicking.
  for (let left = 2; ; left--) {
    const transport = new StreamableHTTPClientTransport(new URL(server), { authProvider: provider, fetch: freshFetch });
    const client = new Client({ name: 'dauth-conformance', version: '1.0.0' }, options);
    try {
      await client.connect(transport, { timeout: PATIENCE_MS });
      const { tools } = await client.listTools(undefined, { timeout: PATIENCE_MS });
      for (const { name } of tools) await client.callTool({ name, arguments: {} }, { timeout: PATIENCE_MS });
      return;
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || cameBackTo === undefined || left === 0) throw error;
      const callback = await provider.readCallback(cameBackTo);
      cameBackTo = undefined;
      await transport.finishAuth(callback);
    } finally {
      await client.close();
    }
  }
}
