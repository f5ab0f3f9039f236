/** Defences of `mcp`, the untrusted host, each with the test that must miss it. Data only; see mutant.ts. */
import type { Mutant } from './mutant.ts';

const TOKEN = 'test/dist/attacks/token.test.js';
const AUTHORITY = 'packages/mcp/dist/authority.test.js';
const BODY = 'packages/mcp/dist/body.test.js';
const CONFIG = 'packages/mcp/dist/config.test.js';
const FILTER = 'packages/mcp/dist/filter.test.js';
const GATE = 'packages/mcp/dist/protect.test.js';
const HANDLE = 'packages/mcp/dist/handle.test.js';
const NODE = 'packages/mcp/dist/node.test.js';
const SDK = 'packages/mcp/dist/sdk.test.js';

export const MCP: readonly Mutant[] = [
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/authenticate.ts',
    find: 'if (!(await replay.consume(`${jkt}.${jti}`, keepUntil)))',
    replace: "if (!(await replay.consume(`${jkt}.${jti}`, keepUntil)) && jti === '')",
    test: { file: TOKEN, name: '[token.bound] a proof is good once' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/body.ts',
    find: 'const json = parse(text);',
    replace: "const json = text.startsWith('\ufeff') ? undefined : parse(text);",
    test: {
      file: SDK,
      name: '[token.bound] protocol 2025: a byte order mark in front hides no tool call from the scopes',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/body.ts',
    find: 'const json = parse(text);',
    replace: "const json = text.startsWith('\ufeff') ? undefined : parse(text);",
    test: {
      file: SDK,
      name: '[token.bound] protocol 2026-07-28: a byte order mark in front hides no tool call from the scopes',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/body.ts',
    find: 'assertOneMeaning(text);',
    replace: "if (text === '') assertOneMeaning(text);",
    test: { file: BODY, name: '[token.bound] a body is refused and runs nothing: a name twice, once escaped' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/body.ts',
    find: 'const text = decodeUtf8(octets);',
    replace: "const text = octets.length === 0 ? decodeUtf8(octets) : Buffer.from(octets).toString('utf8');",
    test: { file: BODY, name: '[token.bound] a body is refused and runs nothing: an overlong form' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/protect.ts',
    find: 'parsedBody: body.json }',
    replace: 'parsedBody: undefined }',
    test: { file: BODY, name: '[token.bound] the server behind gets the value that was checked, and the same octets' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/scopes.ts',
    find: 'for (const scope of settings.toolScopes.get(name) ?? []) needed.add(scope);',
    replace: '',
    test: { file: BODY, name: '[token.bound] a tool needs its scopes beyond those of the server' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/scopes.ts',
    find: 'isObject(message.params) ? message.params.name : undefined;',
    replace: 'isObject(message.params) ? String(message.params.name) : undefined;',
    test: { file: BODY, name: '[token.bound] a tool call whose name is a list is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/scopes.ts',
    find: 'if (Array.isArray(body) && body.length > MAX_BATCH)',
    replace: 'if (Array.isArray(body) && body.length > 2 * MAX_BATCH)',
    test: { file: BODY, name: '[token.bound] a batch of 100 is looked at whole, one of 101 is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/authenticate.ts',
    find: 'if (iat < oldestProof)',
    replace: 'if (iat < oldestProof - 1_000)',
    test: {
      file: GATE,
      name: '[token.bound] a store in memory takes no proof older than its process: an earlier one may have seen it',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/discovery.ts',
    find: 'if (metadata.issuer !== issuer)',
    replace: "if (metadata.issuer === '')",
    test: { file: AUTHORITY, name: '[token.bound] metadata is not believed: it names another issuer' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/discovery.ts',
    find: 'const url = parseSecureUrl(value);',
    replace: "const url = typeof value === 'string' ? value.replace('http:', 'https:') : parseSecureUrl(value);",
    test: {
      file: AUTHORITY,
      name: '[token.bound] metadata is not believed: it names http://auth.example/token as an endpoint',
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/mcp/src/handle.ts',
    find: 'for (const name of OURS) headers.delete(name);',
    replace: 'for (const name of OURS.slice(5)) headers.delete(name);',
    test: {
      file: HANDLE,
      name: "[dispatch.bound] what an SDK sets for itself does not reach the executor: the call has this server's token only",
    },
  },
  {
    claim: 'dispatch.bound',
    file: 'packages/mcp/src/handle.ts',
    find: 'if (!origins.includes(new URL(request.url).origin))',
    replace: 'if (origins.length === 0)',
    test: { file: HANDLE, name: '[dispatch.bound] a handle does not ask anybody for https://evil.example/user' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/config.ts',
    find: 'if (issuer !== undefined && issuer === executor)',
    replace: "if (issuer === '')",
    test: {
      file: CONFIG,
      name: '[token.bound] the executor is another party than the authority: a token for one is none for the other',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/filter.ts',
    find: "if (type === 'text/event-stream')",
    replace: "if (type === 'text/event-stream' && type.length === 0)",
    test: { file: FILTER, name: '[token.bound] a stream taken up again by GET is filtered like the answer it replays' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/node.ts',
    find: 'headers.append(req.rawHeaders[i]!, req.rawHeaders[i + 1]!)',
    replace: 'headers.set(req.rawHeaders[i]!, req.rawHeaders[i + 1]!)',
    test: { file: NODE, name: '[token.bound] a request with two Authorization headers is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/body.ts',
    find: 'if (open.length > MAX_DEPTH)',
    replace: 'if (open.length > 2 * MAX_DEPTH)',
    test: { file: BODY, name: '[token.bound] a body is refused and runs nothing: 513 levels' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/body.ts',
    find: ' || !name.isWellFormed()',
    replace: '',
    test: { file: BODY, name: '[token.bound] a body is refused and runs nothing: half a character in a name' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/body.ts',
    find: "const name = literal.includes('\\\\') ? String(JSON.parse(literal)) : literal.slice(1, -1);",
    replace: 'const name = literal.slice(1, -1);',
    test: { file: BODY, name: '[token.bound] a body is refused and runs nothing: __proto__, escaped' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/scopes.ts',
    find: "if (typeof name !== 'string' || !name.isWellFormed())",
    replace: "if (typeof name !== 'string')",
    test: { file: BODY, name: '[token.bound] a tool call whose name is half a character too long is refused' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/filter.ts',
    find: 'if (length > MAX_ANSWER)',
    replace: 'if (length > 2 * MAX_ANSWER)',
    test: { file: FILTER, name: '[token.bound] an event without end is given up, and its source with it' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/node.ts',
    find: ' || !socket.writable || busy.has(socket)',
    replace: ' || !socket.writable',
    test: {
      file: NODE,
      name: '[token.bound] nothing is written into an answer under way: octets that are no request',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/node.ts',
    find: 'if (busy.has(socket)) socket.destroy();',
    replace: 'if (busy.has(socket) && socket.destroyed) socket.destroy();',
    test: { file: NODE, name: '[token.bound] nothing is written into an answer under way: a tunnel' },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/node.ts',
    find: 'if (left < 0) req.destroy();',
    replace: 'if (left < -1e9) req.destroy();',
    test: { file: NODE, name: '[token.bound] a refused body without end is not taken for ever' },
  },
];
