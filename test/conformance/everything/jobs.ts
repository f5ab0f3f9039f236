/**
 * The tools of the suite's server that may become tasks, and the methods of the Tasks extension (SEP-2663). The SDK has no tasks
 * of its own; here they are three methods and a result of `tools/call`, by its public means.
 */
import { setTimeout as wait } from 'node:timers/promises';
import {
  inputRequired,
  inputResponse,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type CallToolResult,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { declaredBy } from './capabilities.ts';
import { text } from './content.ts';
import { fields } from './forms.ts';
import { Task, type Work } from './tasks.ts';

export const TASKS = 'io.modelcontextprotocol/tasks';
/** Before a job that fails does: that it is seen at work. */
const BEFORE_MS = 100;

const said = (what: string): CallToolResult => ({ content: [text(what)] });
const form = (message: string, name: string) => inputRequired.elicit({ message, requestedSchema: fields(name) });

interface Given {
  readonly seconds?: number | undefined;
  readonly filename?: string | undefined;
}

const JOBS: Readonly<Record<string, (given: Given, work: Work) => Promise<CallToolResult>>> = {
  slow_compute: async ({ seconds = 0 }, { signal }) => {
    await wait(seconds * 1_000, undefined, { signal, ref: false });
    return said(`Computed for ${seconds} seconds.`);
  },
  failing_job: async () => {
    await wait(BEFORE_MS);
    throw new Error('This job fails.');
  },
  protocol_error_job: async () => {
    await wait(BEFORE_MS);
    throw new ProtocolError(ProtocolErrorCode.InternalError, 'This job breaks.');
  },
  confirm_delete: async ({ filename = '' }, { ask }) =>
    said(JSON.stringify(await ask({ confirm: form(`Delete ${filename}?`, 'confirm') }))),
  multi_input: async (_, { ask }) =>
    said(JSON.stringify(await ask({ first: form('First?', 'name'), second: form('Second?', 'name') }))),
};

/** Whose answer can only be a task. */
const REQUIRED = new Set(['failing_job', 'test_tool_with_task']);

/** To be called before any tool is registered: some calls are refused before the SDK looks for the tool. */
export function addJobs(server: McpServer, tasks: Map<string, Task>): void {
  refuseCalls(server, (name, ctx) => REQUIRED.has(name) && assertDeclared(ctx));
  const start = (run: (work: Work) => Promise<CallToolResult>) => {
    const task = new Task(run);
    tasks.set(task.id, task);
    // A result the SDK has no type for; it goes out as it is.
    return task.created() as unknown as CallToolResult;
  };
  server.registerTool('greet', { description: 'greets', inputSchema: z.object({ name: z.string() }) }, ({ name }) =>
    said(`Hello, ${name}!`),
  );
  const inputSchema = z.object({ seconds: z.number().optional(), filename: z.string().optional() });
  for (const [name, run] of Object.entries(JOBS))
    server.registerTool(name, { description: name, inputSchema }, (given, ctx) =>
      isDeclared(ctx) ? start((work) => run(given, work)) : run(given, { signal: ctx.mcpReq.signal, ask: cannotAsk }),
    );
  const asking = { description: 'asks, and then takes its time', inputSchema: z.object({}) };
  server.registerTool('test_tool_with_task', asking, (_, { mcpReq }) => {
    const given = inputResponse(mcpReq.inputResponses, 'user_name');
    if (given.kind !== 'elicit')
      return inputRequired({ inputRequests: { user_name: form('What is your name?', 'name') } });
    return start(() => Promise.resolve(said(`Hello, ${JSON.stringify(given.content)}!`)));
  });

  const method = (name: string, act: (task: Task, responses: Record<string, unknown>) => object | void): void => {
    server.server.setRequestHandler(name, { params: z.object({ taskId: z.string() }) }, ({ taskId }, ctx) => {
      assertDeclared(ctx);
      const task = tasks.get(taskId);
      if (task === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'There is no such task.');
      return { ...act(task, ctx.mcpReq.inputResponses ?? {}) };
    });
  };
  method('tasks/get', (task) => task.look());
  method('tasks/update', (task, responses) => task.update(responses));
  method('tasks/cancel', (task) => task.cancel());
}

function isDeclared(ctx: ServerContext): boolean {
  return declaredBy(ctx).extensions?.[TASKS] !== undefined;
}

function assertDeclared(ctx: ServerContext): void {
  const requiredCapabilities = { extensions: { [TASKS]: {} } };
  if (!isDeclared(ctx)) throw new MissingRequiredClientCapabilityError({ requiredCapabilities });
}

const cannotAsk = () => Promise.reject(new Error('This tool asks as a task only.'));

/** The SDK makes a result of whatever a tool throws, so an error of the protocol has to be thrown before. */
function refuseCalls({ server }: McpServer, check: (tool: string, ctx: ServerContext) => unknown): void {
  type Handler = (request: { params: { name: string } }, ctx: ServerContext) => unknown;
  const register = server.setRequestHandler.bind(server) as (method: string, ...rest: readonly unknown[]) => void;
  const registerChecked = (method: string, ...rest: readonly unknown[]): void => {
    if (method !== 'tools/call') return register(method, ...rest);
    register(method, (...[request, ctx]: Parameters<Handler>) => {
      check(request.params.name, ctx);
      return (rest[0] as Handler)(request, ctx);
    });
  };
  server.setRequestHandler = registerChecked as typeof server.setRequestHandler;
}
