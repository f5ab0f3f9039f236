/**
 * An MCP server on the official SDK and `node:http`, as a process: one tool, which answers 1 KiB of text. With a configuration
 * DAuth's protection stands in front of the very same handler; without one everybody may call. Its setup comes on stdin.
 */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createInterface } from 'node:readline';
import { protect, type AuthorizationConfig } from '@dauth/mcp';
import { serveOn } from '@dauth/mcp/node';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';

export interface ServerSetup {
  readonly port: number;
  /** Whose adapter joins the handler to `node:http`. */
  readonly adapter: 'sdk' | 'dauth';
  /** Absent: nobody is asked who they are. */
  readonly config?: AuthorizationConfig;
}

const ANSWER = 'x'.repeat(1_024);
const [line] = (await once(createInterface({ input: process.stdin }), 'line')) as [string];
const { port, adapter, config } = JSON.parse(line) as ServerSetup;

const bare = createMcpHandler(() => {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  server.registerTool('answer', { description: 'Answers' }, () => ({ content: [{ type: 'text', text: ANSWER }] }));
  return server;
});
const handler = config === undefined ? bare : protect(config).handler(bare);
const server =
  adapter === 'dauth'
    ? serveOn(createServer(), handler)
    : // Its types do not know that `exactOptionalPropertyTypes` is on.
      createServer(toNodeHandler(handler) as unknown as RequestListener);
server.listen(port, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`${JSON.stringify({ event: 'listening' })}\n`);
