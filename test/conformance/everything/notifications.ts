/** The tools of the suite's server that say something before they answer: progress, log lines, changed lists, a closed stream. */
import { setTimeout as wait } from 'node:timers/promises';
import type { McpServer, ServerContext, ServerNotifier } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { text } from './content.ts';

/** Between two notifications, as the suite asks: that a client gets them one by one. */
const PAUSE_MS = 50;
/** After the stream was closed: long enough that its client has to come back for the answer. */
const AWAY_MS = 100;

/** @param notify for streams of `subscriptions/listen`; a session of 2025 is told on its own stream */
export function addNotifications(server: McpServer, notify: ServerNotifier | undefined): void {
  const tool = (name: string, run: (ctx: ServerContext) => Promise<void> | void): void =>
    void server.registerTool(name, { description: name, inputSchema: z.object({}) }, async (_, ctx) => {
      await run(ctx);
      return { content: [text('Done.')] };
    });

  tool('test_tool_with_progress', async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progress > 0) await wait(PAUSE_MS);
      if (progressToken === undefined) continue;
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
    }
  });
  tool('test_tool_with_logging', async ({ mcpReq }) => {
    await mcpReq.log('info', 'Tool execution started');
    await wait(PAUSE_MS);
    await mcpReq.log('info', 'Tool processing data');
    await wait(PAUSE_MS);
    await mcpReq.log('info', 'Tool execution completed');
  });
  tool('test_logging_tool', ({ mcpReq }) => mcpReq.log('info', 'Only for who set a level.'));
  tool('test_reconnection', async ({ http }) => {
    http?.closeSSE?.();
    await wait(AWAY_MS);
  });
  tool('test_trigger_tool_change', () => (notify === undefined ? server.sendToolListChanged() : notify.toolsChanged()));
  tool('test_trigger_prompt_change', () =>
    notify === undefined ? server.sendPromptListChanged() : notify.promptsChanged(),
  );
}
