/** An MCP server as many are today: a GitHub token in the environment, for everybody who can read it. */
import { serve } from '@hono/node-server';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { Octokit } from 'octokit';

const baseUrl = process.env.GITHUB_API ?? 'https://api.github.com';

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'issues', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Who am I on GitHub?' }, async () => {
    const github = new Octokit({ baseUrl, auth: process.env.GITHUB_TOKEN });
    const { data } = await github.rest.users.getAuthenticated();
    return { content: [{ type: 'text', text: data.login }] };
  });
  return server;
});
const fetch = (request: Request) => handler.fetch(request);
serve({ fetch, hostname: '127.0.0.1', port: Number(process.env.PORT) }, () => console.log('{"event":"listening"}'));
