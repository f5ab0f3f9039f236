/**
 * OpenAPI 3.1 of the executor's public door, for whoever writes a client. Served privately only: a document that says how
 * to ask is no answer anybody needs from the door itself. Never a value of this node but its public address and version.
 */

const TEXT = { type: 'string' };
const PROBLEM = {
  description: 'Problem document (RFC 9457); `DAuth-Error` has its code',
  content: {
    'application/problem+json': {
      schema: {
        type: 'object',
        required: ['type', 'title', 'status', 'code', 'detail', 'retryable', 'request_id'],
        properties: { code: TEXT, detail: TEXT, request_id: TEXT },
      },
    },
  },
};
const json = (schema: object): object => ({ required: true, content: { 'application/json': { schema } } });
const object = (required: readonly string[], properties: object): object => ({
  ...{ type: 'object', additionalProperties: false, required, properties },
});
const parameter = (place: 'path' | 'header', name: string, description: string, required = true): object => ({
  ...{ name, in: place, required, description, schema: TEXT },
});

const DISPATCH = {
  summary: 'Buffered dispatch',
  requestBody: json(
    object(['connection_handle', 'request'], {
      connection_handle: TEXT,
      request: object(['method', 'path'], {
        ...{ method: TEXT, path: TEXT, origin: TEXT, headers: { type: 'object', additionalProperties: TEXT } },
        ...{ body: true, body_base64: TEXT, timeout_ms: { type: 'integer', minimum: 1, maximum: 600_000 } },
      }),
    }),
  ),
  responses: { 200: { description: 'The answer, or with `"success": false` why there is none' }, default: PROBLEM },
};
const STREAM = {
  summary: 'Streaming dispatch; `path` goes upstream as it is and may have slashes, a query follows it',
  parameters: [
    parameter('path', 'handle', 'Handle of the connection'),
    parameter('path', 'path', 'Path at the upstream'),
    parameter('header', 'DAuth-Origin', 'Origin; may be absent where only one is possible', false),
  ],
  responses: { default: { description: 'The upstream answer, where `DAuth-Upstream` is 1; else a problem document' } },
};
const SESSION = {
  summary: 'Session with a database; the body is what its driver says, the answer what it says, both at once',
  parameters: [
    parameter('path', 'handle', 'Handle of the connection'),
    parameter('path', 'method', 'READ or WRITE'),
    parameter('path', 'database', 'Name of the database'),
    parameter('header', 'DAuth-Origin', 'Origin; may be absent where only one is possible', false),
  ],
  requestBody: { required: true, content: { 'application/octet-stream': {} } },
  responses: { default: { description: 'The database, where `DAuth-Upstream` is 1; else a problem document' } },
};
/** RFC 6455: the same address, where the sealed rule says so. */
const UPGRADE = {
  ...STREAM,
  parameters: [
    ...STREAM.parameters,
    parameter('header', 'Upgrade', '`websocket`, with the headers of RFC 6455 §4.1: opens a WebSocket', false),
    parameter('header', 'Sec-WebSocket-Protocol', 'Subprotocols to offer to the upstream', false),
  ],
  responses: { 101: { description: 'The WebSocket is open at both ends' }, ...STREAM.responses },
};
const TRY = {
  summary: 'Whether an envelope opens here, for a ticket that the authority signed',
  security: [],
  requestBody: json(object(['envelope', 'ticket'], { envelope: TEXT, ticket: TEXT })),
  responses: {
    200: {
      description: 'One bit',
      content: { 'application/json': { schema: object(['ok'], { ok: { type: 'boolean' } }) } },
    },
    default: PROBLEM,
  },
};
const REDEEM = {
  ...TRY,
  summary: 'Redeems the code in a stored envelope, for a ticket that the authority signed',
  requestBody: json(object(['ticket'], { ticket: TEXT })),
};
const documentOf = (summary: string, type: string): object => ({
  get: {
    summary,
    security: [],
    responses: { 200: { description: 'Done', content: { [type]: {} } }, default: PROBLEM },
  },
});

/** Methods of the streaming form, as OpenAPI names them. */
const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'] as const;

/** @param resource the public base URL */
export function openApi(resource: string, version: string): object {
  return {
    openapi: '3.1.0',
    info: { title: 'DAuth executor', version },
    servers: [{ url: resource }],
    security: [{ dpop: [] }],
    components: {
      securitySchemes: {
        dpop: {
          type: 'http',
          scheme: 'DPoP',
          description: 'RFC 9449: a dispatch token, bound to the key of an MCP server, with a proof for each request.',
        },
      },
    },
    paths: {
      '/dispatch': { post: DISPATCH },
      '/connections/{handle}/{path}': Object.fromEntries(
        METHODS.map((method) => [method, method === 'get' ? UPGRADE : STREAM]),
      ),
      '/sessions/{handle}/{method}/{database}': { post: SESSION },
      '/try': { post: TRY },
      '/redeem': { post: REDEEM },
      '/.well-known/dauth-executor': documentOf('Signed key directory', 'application/jose'),
      '/livez': documentOf('Whether the process lives', 'application/json'),
      '/readyz': documentOf('Whether the node can serve', 'application/json'),
      '/version': documentOf('Name and version', 'application/json'),
    },
  };
}
