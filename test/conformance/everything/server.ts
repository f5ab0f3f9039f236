/**
 * An MCP server with what the conformance suite of MCP looks for in one, under the names that it asks for, for both eras of the
 * protocol. The official SDK, and nothing of DAuth: protection comes in front of it, or does not.
 */
import { randomBytes } from 'node:crypto';
import {
  createMcpHandler,
  createRequestStateCodec,
  isLegacyRequest,
  McpServer,
  type McpHandlerRequestOptions,
  type ServerContext,
  type ServerNotifier,
} from '@modelcontextprotocol/server';
import { addJobs, TASKS } from './jobs.ts';
import { addNotifications } from './notifications.ts';
import { addPrompts } from './prompts.ts';
import { addQuestions, type Round } from './questions.ts';
import { addResources } from './resources.ts';
import { serveSessions } from './sessions.ts';
import { loadSkills } from './skills.ts';
import type { Task } from './tasks.ts';
import { addTools } from './tools.ts';

export interface Everything {
  fetch(request: Request, options?: McpHandlerRequestOptions): Promise<Response>;
}

/** One endpoint: with a session for who begins one, otherwise each request on its own. */
export async function makeEverything(): Promise<Everything> {
  const codec = createRequestStateCodec<Round>({ key: randomBytes(32) });
  const tasks = new Map<string, Task>();
  const skills = await loadSkills();
  /** @param notify of the era without sessions, which tasks and skills are for */
  const make = (notify?: ServerNotifier): McpServer => {
    const extensions = notify === undefined ? {} : { extensions: { [TASKS]: {} } };
    const capabilities = { logging: {}, completions: {}, resources: { subscribe: true }, ...extensions };
    const requestState = { verify: (state: string, ctx: ServerContext) => codec.verify(state, ctx) };
    const server = new McpServer({ name: 'everything', version: '1.0.0' }, { capabilities, requestState });
    if (notify !== undefined) addJobs(server, tasks);
    addTools(server);
    addNotifications(server, notify);
    addQuestions(server, codec);
    addResources(server);
    addPrompts(server);
    if (notify !== undefined) skills.attach(server);
    return server;
  };
  const modern = createMcpHandler(() => make(modern.notify), { legacy: 'reject' });
  const sessions = serveSessions(() => make());
  return {
    fetch: async (request, options) =>
      (await isLegacyRequest(request, options?.parsedBody))
        ? sessions(request, options)
        : modern.fetch(request, options),
  };
}
