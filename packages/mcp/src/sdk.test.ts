/**
 * The official SDK, client and server, in both protocol eras, through the gate on each kind of mount: Hono, plain
 * `node:http`, and the SDK's own adapters for them.
 */
import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createMcpHonoApp } from '@modelcontextprotocol/hono';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { Hono } from 'hono';
import { both, CONFIG, makeGate, makeToken, RESOURCE } from './gate.test-support.ts';
import { serveOn } from './node.ts';
import { caller } from './session.ts';

type Fetch = (request: Request) => Promise<Response> | Response;
interface Mount extends AsyncDisposable {
  readonly fetch: Fetch;
}

const SCOPED = { ...CONFIG, tools: { create_issue: { requiredScopes: ['issues:write'] } } };
const BOM = '\u{feff}';

/** A server with a tool for everyone and one for whom may write; it remembers what ran. */
function makeMcp() {
  const ran: string[] = [];
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'test', version: '1.0.0' });
    for (const name of ['whoami', 'create_issue']) {
      server.registerTool(name, { description: name }, (ctx) => {
        ran.push(name);
        return { content: [{ type: 'text', text: caller(ctx).subject }] };
      });
    }
    return server;
  });
  return { ran, handler };
}

const direct = (fetch: Fetch): Mount => ({ fetch, [Symbol.asyncDispose]: async () => {} });

/** Sends to a listening server what the client meant for the resource. */
async function listening(server: Server): Promise<Mount> {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    fetch: async (request) => {
      const body = request.method === 'POST' ? { body: await request.arrayBuffer() } : {};
      const { method, headers, signal } = request;
      return fetch(new URL(new URL(request.url).pathname, base), { method, headers, signal, ...body });
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

type Gate = ReturnType<typeof makeGate>;
const MOUNTS: Readonly<Record<string, (gate: Gate) => Mount | Promise<Mount>>> = {
  Hono: (gate) => {
    const app = new Hono();
    app.all('*', (c) => gate.fetch(c.req.raw));
    return direct((request) => app.fetch(request));
  },
  "the SDK's Hono app": (gate) => {
    const app = createMcpHonoApp({ host: 'mcp.example' });
    app.all('*', (c) => gate.fetch(c.req.raw));
    return direct((request) => app.fetch(request));
  },
  'node:http': (gate) => listening(serveOn(createServer(), gate)),
  "the SDK's node:http adapter": (gate) => {
    // Its types do not know that `exactOptionalPropertyTypes` is on.
    return listening(createServer(toNodeHandler(gate) as unknown as RequestListener));
  },
};

const ERAS = {
  2025: {},
  '2026-07-28': { versionNegotiation: { mode: { pin: '2026-07-28' } } },
} as const;

/** The official client with a proof for each request. `tamper` changes a body on its way; `answers` are those to POST. */
async function connect(
  mount: Mount,
  era: keyof typeof ERAS,
  scope: string,
  tamper: (body: string) => string = (body) => body,
) {
  const answers: Response[] = [];
  const signing = async (url: string | URL, init: RequestInit = {}) => {
    const method = init.method ?? 'GET';
    const headers = new Headers(init.headers);
    for (const [name, value] of Object.entries(both(makeToken({ scope }), { htm: method }))) headers.set(name, value);
    const body = typeof init.body === 'string' ? { body: tamper(init.body) } : {};
    const answer = await mount.fetch(new Request(url, { ...init, ...body, headers }));
    if (method === 'POST') answers.push(answer.clone());
    return answer;
  };
  const client = new Client({ name: 'test', version: '1.0.0' }, ERAS[era]);
  await client.connect(new StreamableHTTPClientTransport(new URL(RESOURCE), { fetch: signing }));
  return { client, answers, [Symbol.asyncDispose]: () => client.close() };
}

const names = async (client: Client) => (await client.listTools()).tools.map(({ name }) => name);

describe('the official SDK', { timeout: 60_000 }, () => {
  for (const era of Object.keys(ERAS) as unknown as (keyof typeof ERAS)[]) {
    for (const [where, mountOn] of Object.entries(MOUNTS)) {
      test(`[token.bound] protocol ${era} on ${where}: a tool knows its caller, and one without its scope does not run`, async () => {
        const { ran, handler } = makeMcp();
        await using mount = await mountOn(makeGate(SCOPED, handler));
        await using session = await connect(mount, era, 'mcp:use');
        const { client, answers } = session;
        assert.deepEqual(await names(client), ['whoami', 'create_issue'], 'challenge mode lists all');
        const { content } = await client.callTool({ name: 'whoami', arguments: {} });
        assert.deepEqual(content, [{ type: 'text', text: 'ada' }]);
        await assert.rejects(client.callTool({ name: 'create_issue', arguments: {} }));
        const refused = answers.find((answer) => answer.status === 403);
        assert.match(
          refused?.headers.get('www-authenticate') ?? '',
          /^DPoP error="insufficient_scope".*scope="mcp:use issues:write"/,
        );
        assert.deepEqual(ran, ['whoami']);
      });
    }

    test(`[token.bound] protocol ${era}: a byte order mark in front hides no tool call from the scopes`, async () => {
      const { ran, handler } = makeMcp();
      await using mount = direct(makeGate(SCOPED, handler).fetch);
      let mark = '';
      await using session = await connect(mount, era, 'mcp:use', (body) => mark + body);
      const { client, answers } = session;
      mark = BOM;
      await assert.rejects(client.callTool({ name: 'create_issue', arguments: {} }));
      const answer = answers.at(-1)!;
      assert.deepEqual(ran, []);
      assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [400, 'INVALID_REQUEST']);
      mark = '';
      await client.callTool({ name: 'whoami', arguments: {} });
      assert.deepEqual(ran, ['whoami'], 'control: without the mark the same client gets through');
    });

    test(`[token.bound] protocol ${era}: a filtered list holds what the scopes reach, mark or not`, async () => {
      const { handler } = makeMcp();
      await using mount = direct(makeGate({ ...SCOPED, scopeEnforcement: 'filter' }, handler).fetch);
      let mark = '';
      await using reader = await connect(mount, era, 'mcp:use', (body) => mark + body);
      assert.deepEqual(await names(reader.client), ['whoami']);
      mark = BOM;
      await assert.rejects(names(reader.client));
      assert.equal(reader.answers.at(-1)!.status, 400);
      await using writer = await connect(mount, era, 'mcp:use issues:write');
      assert.deepEqual(await names(writer.client), ['whoami', 'create_issue'], 'control: who may call it sees it');
    });
  }
});
