/**
 * The MCP client that `@modelcontextprotocol/conformance client` starts, one process per scenario: the official SDK's client
 * with `mcpProvider`, and a person who consents at once. Takes the server's URL as its last argument; knows no scenario by
 * heart beyond what a scenario's context hands to a client.
 */
import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { generateKey, mcpProvider } from '@dauth/client';
import { Client, DpopSession, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';

/** The suite listens on `localhost`: which of its addresses answers is found out with patience, however busy the machine is. */
setDefaultAutoSelectFamilyAttemptTimeout(30_000);

/** A connection for each request: none that is kept can end, by the server's timer, just as it is used again. */
const freshFetch = (url: string | URL, init: RequestInit = {}): Promise<Response> => {
  const headers = new Headers(init.headers);
  headers.set('connection', 'close');
  return fetch(url, { ...init, headers });
};

interface Context {
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly issuer?: string;
}

const server = new URL(process.argv.at(-1)!);
const { MCP_CONFORMANCE_SCENARIO: scenario = '', MCP_CONFORMANCE_PROTOCOL_VERSION: version = '' } = process.env;
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}') as Context;

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

/** Does it, and once more after each time the person came back; twice at most, so that no server keeps the person clicking. */
async function authorized<T>(attempt: (transport: StreamableHTTPClientTransport) => Promise<T>): Promise<T> {
  for (let left = 2; ; left--) {
    const transport = new StreamableHTTPClientTransport(server, { authProvider: provider, fetch: freshFetch });
    try {
      return await attempt(transport);
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || cameBackTo === undefined || left === 0) throw error;
      const callback = await provider.readCallback(cameBackTo);
      cameBackTo = undefined;
      await transport.finishAuth(callback);
    }
  }
}

const isModern = version === '2026-07-28';
await authorized(async (transport) => {
  const client = new Client(
    { name: 'dauth-conformance', version: '1.0.0' },
    isModern ? { versionNegotiation: { mode: { pin: version } } } : {},
  );
  try {
    await client.connect(transport);
    const { tools } = await client.listTools();
    for (const { name } of tools) await client.callTool({ name, arguments: {} });
  } finally {
    await client.close();
  }
});
