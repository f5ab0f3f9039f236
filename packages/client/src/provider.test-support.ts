/** An MCP server and its authorization servers as tests play them, without sockets. Never part of the package. */
import { Client, DpopSession, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { generateKey } from './key.ts';
import type { McpProviderOptions } from './host/options.ts';
import type { McpProvider } from './host/shapes.ts';
import { mcpProvider } from './provider.ts';

export const SERVER = 'https://mcp.example/mcp';
export const ISSUER = 'https://auth.example';
export const REDIRECT = 'http://127.0.0.1:3000/callback';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

type Answer = object | Response | ((asked: Asked) => object | Response);

/** Metadata of an issuer, with `over` in its place. */
export function metadataOf(issuer: string, over: object = {}): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
    authorization_response_iss_parameter_supported: true,
    ...over,
  };
}

/** What one issuer answers: its metadata, registration and token endpoint. */
export function issuerAnswers(issuer: string, over: object = {}, token: object = {}): Record<string, Answer> {
  let registered = 0;
  let given = 0;
  return {
    [`${issuer}/.well-known/oauth-authorization-server`]: metadataOf(issuer, over),
    [`${issuer}/register`]: ({ body }) => ({
      ...(JSON.parse(body) as object),
      client_id: `${new URL(issuer).hostname}-${++registered}`,
    }),
    [`${issuer}/token`]: () => ({
      access_token: `secret-token-${++given}`,
      refresh_token: `secret-refresh-${given}`,
      token_type: 'DPoP',
      ...token,
    }),
  };
}

/** Protected resource metadata of the server. */
export function resourceAnswers(over: object = {}): Record<string, Answer> {
  const document = { resource: SERVER, authorization_servers: [ISSUER], scopes_supported: ['mcp:use'], ...over };
  return { 'https://mcp.example/.well-known/oauth-protected-resource/mcp': document };
}

/** Answers by address; everything else is not there. Notes what was asked. */
export function makeWeb(answers: Record<string, Answer>) {
  const asked: Asked[] = [];
  const send = async (input: string | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input);
    const text = init.body instanceof URLSearchParams ? init.body.toString() : init.body;
    const request: Asked = {
      method: init.method ?? 'GET',
      url: url.href,
      headers: new Headers(init.headers),
      body: typeof text === 'string' ? text : '',
    };
    asked.push(request);
    const found = answers[url.origin + url.pathname];
    const answer = typeof found === 'function' ? found(request) : found;
    if (answer === undefined) return new Response(null, { status: 404 });
    return answer instanceof Response ? answer : Response.json(answer);
  };
  const to = (address: string): Asked[] => asked.filter(({ url }) => url === address);
  return { asked, to, answers, send };
}

export type Web = ReturnType<typeof makeWeb>;

/** A provider whose person never comes: what would have been opened is noted. */
export async function makeProvider(over: Partial<McpProviderOptions<DpopSession>> = {}) {
  const opened: URL[] = [];
  const provider: McpProvider<DpopSession> = mcpProvider({
    server: SERVER,
    key: over.key ?? (await generateKey()),
    DpopSession,
    redirectUrl: REDIRECT,
    redirectToAuthorization: (url) => void opened.push(url),
    ...over,
  });
  return { provider, opened };
}

/** What the browser would come back with from the last redirect. */
export function comeBack(opened: readonly URL[], over: Readonly<Record<string, string | undefined>> = {}): string {
  const asked = opened.at(-1)!.searchParams;
  const answer = { code: 'secret-code', state: asked.get('state')!, iss: ISSUER, ...over };
  const url = new URL(asked.get('redirect_uri')!);
  for (const [name, value] of Object.entries(answer)) if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}

/** The transport of an unmodified host. */
export function makeTransport(provider: McpProvider<DpopSession>, web: Web): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(SERVER), { authProvider: provider, fetch: web.send });
}

export const makeHost = (): Client => new Client({ name: 'host', version: '1.0.0' });
