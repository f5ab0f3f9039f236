/** The server of `before.ts`, protected: it never sees a token, and only callers it can check get in. */
import { readFileSync } from 'node:fs';
import { connection, protect } from '@dauth/mcp';
import { serve } from '@hono/node-server';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { Octokit } from 'octokit';

const baseUrl = process.env.GITHUB_API ?? 'https://api.github.com';
const key = JSON.parse(readFileSync('mcp-server.jwk', 'utf8'));
const protection = protect({
  resource: process.env.MCP_RESOURCE!,
  authorizationServers: [process.env.DAUTH_ISSUER!],
  executor: process.env.DAUTH_EXECUTOR!,
  server: { clientId: key.client_id, key },
});

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'issues', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Who am I on GitHub?' }, async (ctx) => {
    const github = new Octokit({ baseUrl, request: { fetch: connection(ctx, 'github').fetch } });
    const { data } = await github.rest.users.getAuthenticated();
    return { content: [{ type: 'text', text: data.login }] };
  });
  return server;
});
const { fetch } = protection.handler(handler);
serve({ fetch, hostname: '127.0.0.1', port: Number(process.env.PORT) }, () => console.log('{"event":"listening"}'));
