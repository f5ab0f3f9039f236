/** A tool call as the official SDK's own client sends it, in octets: what is measured is then sent again without that client. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

export interface Call {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: string;
  /** Of the answer. */
  readonly octets: number;
}

/** What the HTTP client says of itself and of its connection. */
const OF_THE_CONNECTION = ['host', 'connection', 'content-length', 'user-agent'];

/** Has the SDK's client call a tool once, and writes down what went over the wire. */
export async function learnCall(url: string, tool: string): Promise<Call> {
  let call: Call | undefined;
  const listening: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const body = request.method === 'POST' ? await request.clone().text() : '';
    const response = await fetch(request);
    if (body.includes('"tools/call"')) {
      const headers = [...request.headers].filter(([name]) => !OF_THE_CONNECTION.includes(name)).flat();
      call = { headers, body, octets: (await response.clone().arrayBuffer()).byteLength };
    }
    return response;
  };
  const client = new Client(
    { name: 'bench', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: listening }));
  const { isError } = await client.callTool({ name: tool, arguments: {} });
  await client.close();
  if (isError === true || call === undefined) throw new Error(`the tool ${tool} was not called`);
  return call;
}
