/** A host as docs/hosts.md shows it, for tests: the official SDK's client, unmodified, with `mcpProvider` and a browser. */
import assert from 'node:assert/strict';
import { mcpProvider, type ClientKey, type McpProvider, type McpProviderOptions } from '@dauth/client';
import { Client, DpopSession, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';

export const REDIRECT = 'http://127.0.0.1:3000/callback';
export const ERAS = ['modern', 'legacy'] as const;

interface HostSetup {
  readonly server: string;
  readonly key: ClientKey;
  /** The 2025 handshake, or 2026-07-28. */
  readonly era: (typeof ERAS)[number];
  /** What the person does with an address. @returns where the browser was sent back to */
  readonly person: (address: URL) => Promise<URL>;
  readonly more?: Pick<McpProviderOptions<DpopSession>, 'clientId' | 'issuer'>;
}

interface Host {
  readonly provider: McpProvider<DpopSession>;
  readonly tools: () => Promise<string[]>;
  /** Text of a tool's answer. */
  readonly call: (name: string, args?: Record<string, unknown>) => Promise<string>;
}

export function makeHost({ server, key, era, person, more }: HostSetup): Host {
  let back: Promise<URL> | undefined;
  const openInBrowser = (url: URL): void => void (back = person(url));
  const cameBackTo = (): Promise<URL> => back ?? assert.fail('Nothing was opened.');
  const options = era === 'modern' ? { versionNegotiation: { mode: { pin: '2026-07-28' } } } : {};

  // #region host
  const provider = mcpProvider({
    server,
    key, // made once with `generateKey()` and kept: what is stored for the host is bound to it
    DpopSession,
    redirectUrl: REDIRECT,
    redirectToAuthorization: openInBrowser,
    metadata: { client_name: 'My host' },
    ...more,
  });

  async function use<T>(what: (client: Client) => Promise<T>): Promise<T> {
    for (let left = 1; ; left--) {
      const transport = new StreamableHTTPClientTransport(new URL(server), { authProvider: provider });
      const client = new Client({ name: 'my-host', version: '1.0.0' }, options);
      try {
        await client.connect(transport);
        return await what(client);
      } catch (error) {
        if (!(error instanceof UnauthorizedError) || left === 0) throw error;
        await transport.finishAuth(await provider.readCallback(await cameBackTo()));
      } finally {
        await client.close();
      }
    }
  }
  // #endregion host

  return {
    provider,
    tools: () => use(async (client) => (await client.listTools()).tools.map(({ name }) => name)),
    call: (name, args = {}) =>
      use(async (client) => {
        const { content, isError } = await client.callTool({ name, arguments: args });
        const [{ text }] = content as unknown as [{ text: string }];
        assert.notEqual(isError, true, text);
        return text;
      }),
  };
}
