/**
 * Sessions of the revisions before 2026-07-28, as the SDK keeps them: one server and one transport each, and the events of
 * their streams, so that a client that lost one takes it up again. In memory, for one process and one test.
 */
import { randomUUID } from 'node:crypto';
import {
  isInitializeRequest,
  WebStandardStreamableHTTPServerTransport,
  type EventStore,
  type JSONRPCMessage,
  type McpHandlerRequestOptions,
  type McpServer,
} from '@modelcontextprotocol/server';

/** Before a client comes back for the rest of a stream. */
const RETRY_MS = 50;

type Serve = (request: Request, options?: McpHandlerRequestOptions) => Promise<Response>;

/** @param make a server for one session */
export function serveSessions(make: () => McpServer): Serve {
  const transports = new Map<string, WebStandardStreamableHTTPServerTransport>();
  return async (request, options) => {
    const id = request.headers.get('mcp-session-id');
    const known = id === null ? undefined : transports.get(id);
    if (known !== undefined) return known.handleRequest(request, options);
    if (id !== null) return refuse(404, 'This session has ended, or never was.');
    const body: unknown =
      options?.parsedBody ??
      (await request
        .clone()
        .json()
        .catch(() => undefined));
    if (!isInitializeRequest(body)) return refuse(400, 'A session begins with initialize.');
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (begun) => void transports.set(begun, transport),
      onsessionclosed: (ended) => void transports.delete(ended),
      eventStore: makeEventStore(),
      retryInterval: RETRY_MS,
    });
    await make().connect(transport);
    return transport.handleRequest(request, options);
  };
}

function refuse(status: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code: -32_000, message }, id: null }, { status });
}

/** Of one session: every event of every stream, named by its place. */
function makeEventStore(): EventStore {
  const events: { readonly stream: string; readonly message: JSONRPCMessage }[] = [];
  return {
    storeEvent(stream, message) {
      events.push({ stream, message });
      return Promise.resolve(String(events.length));
    },
    getStreamIdForEventId: (id) => Promise.resolve(events[Number(id) - 1]?.stream),
    async replayEventsAfter(id, { send }) {
      const last = events[Number(id) - 1];
      if (last === undefined) throw new Error('No such event.');
      for (const [place, { stream, message }] of events.entries())
        // An event without a message is the one that opened the stream.
        if (place >= Number(id) && stream === last.stream && 'jsonrpc' in message)
          await send(String(place + 1), message);
      return last.stream;
    },
  };
}
