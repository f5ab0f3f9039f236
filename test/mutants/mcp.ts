/** Defences of `mcp`, the untrusted host, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const TOKEN = 'test/dist/attacks/token.test.js';
const AUTHORITY = 'packages/mcp/dist/authority.test.js';
const BEARER = 'packages/mcp/dist/bearer.test.js';
const BODY = 'packages/mcp/dist/body.test.js';
const CONFIG = 'packages/mcp/dist/config.test.js';
const DISCOVERY = 'packages/mcp/dist/discovery.test.js';
const FILTER = 'packages/mcp/dist/filter.test.js';
const GATE = 'packages/mcp/dist/protect.test.js';
const HANDLE = 'packages/mcp/dist/handle.test.js';
const INTROSPECTION = 'packages/mcp/dist/introspection.test.js';
const NONCE = 'packages/mcp/dist/nonce.test.js';
const NODE = 'packages/mcp/dist/node.test.js';
const SCOPES = 'packages/mcp/dist/scopes.test.js';
const SDK = 'packages/mcp/dist/sdk.test.js';

export const MCP: readonly Mutant[] = [
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/scopes.ts',
    find: "if (message.method !== 'tools/call') continue;",
    replace: "if (String(message.method).trim() !== 'tools/call') continue;",
    test: {
      file: SCOPES,
      name: '[token.bound] a body needs the scopes of the server and of every tool it calls, once each, and no other',
    },
  },
  {
    claim: 'token.bound',
    file: 'packages/mcp/src/protect.ts',
    find: 'if (!needed.every((scope) => scopes.includes(scope)))',
    replace: "if (!needed.every((scope) => scopes.join(' ').includes(scope)))",
    test: {
      file: SCOPES,
      name: '[token.bound] a token is let through where it has every scope that is needed, and is told all of them where it has not',
    },
  },
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
    find: "new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })",
    replace: "new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })",
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
    file: 'packages/mcp/src/source.ts',
    find: 'if (left < 0) req.destroy();',
    replace: 'if (left < -1e9) req.destroy();',
    test: { file: NODE, name: '[token.bound] a refused body without end is not taken for ever' },
  },
  ...of('mcp', 'source', 'packages/mcp/dist/source.test.js', [
    [
      'token.bound',
      "if (this.#req.destroyed) throw new Error('The connection was closed before the whole body was there.');",
      'if (this.#req.destroyed) return undefined;',
      '[token.bound] a body that is cut off is no whole one, neither for the gate nor for who reads the stream',
    ],
    [
      'token.bound',
      "if (this.#isAnswered) throw new Error('The request was answered before its body was read.');",
      'if (this.#isAnswered) return undefined;',
      '[token.bound] who reads a body when the request is answered gets an error, and never a part for the whole',
    ],
  ]),
  ...of('mcp', 'authenticate', GATE, [
    [
      'token.bound',
      '      ath: claims.ath,\n',
      '',
      '[token.bound] a proof for another token is refused with 401 invalid_dpop_proof',
    ],
  ]),
  ...of('mcp', 'authenticate', BEARER, [
    [
      'token.bound',
      "if (scheme === 'Bearer' && settings.requireDpop)",
      "if (scheme === 'Bearer' && settings.requireDpop && token === '')",
      '[token.bound] a token without a key gets in as Bearer where that was asked for, and only there',
    ],
    [
      'token.bound',
      'if (claims.cnf !== undefined)',
      "if (claims.cnf?.jkt === '')",
      '[token.bound] without "requireDpop" still refused: a bound token as Bearer',
    ],
    [
      'token.bound',
      'if (proof !== undefined)',
      "if (proof === '')",
      '[token.bound] without "requireDpop" still refused: an unbound token as Bearer with a proof',
    ],
    [
      'token.bound',
      'const { jkt } = boundTo(claims);',
      "const { jkt } = claims.cnf === undefined ? { jkt: '' } : boundTo(claims);",
      '[token.bound] without "requireDpop" still refused: an unbound token as DPoP',
    ],
    [
      'token.bound',
      'isBound ||= claims.cnf !== undefined;',
      "isBound ||= claims.sub === '';",
      '[token.bound] without "requireDpop" still refused: a bound token as Bearer, with its proof',
    ],
  ]),
  ...of('mcp', 'authenticate', INTROSPECTION, [
    [
      'token.bound',
      'assertUnbound(claims, proof);\n      await authority.assertActive(token);',
      'assertUnbound(claims, proof);',
      '[token.bound] an unbound token is asked about too',
    ],
    [
      'token.bound',
      "stage = 'invalid_token';\n    await authority.assertActive(token);",
      "stage = 'invalid_token';",
      '[token.bound] a token that is not active any more is refused, and not remembered',
    ],
    [
      'token.bound',
      "    stage = 'invalid_token';\n    await authority.assertActive(token);\n    stage = 'invalid_dpop_proof';\n    await consume(gate, verified);",
      '    await consume(gate, verified);\n    await authority.assertActive(token);',
      '[token.bound] nobody gets in while the endpoint fails, and the proof is not burnt',
    ],
  ]),
  ...of('mcp', 'introspection', INTROSPECTION, [
    [
      'token.bound',
      'if (active !== true)',
      'if (active === undefined)',
      '[token.bound] nobody gets in while the endpoint says "true" as text, and the proof is not burnt',
    ],
    [
      'token.bound',
      'at - known.at < SHARED_MS',
      'at - known.at <= SHARED_MS',
      '[token.bound] "active" is believed for a second and no longer, for that token only',
    ],
    [
      'token.bound',
      'const entry = { at, active: this.#ask(token) };',
      'const entry = { at: at + SHARED_MS, active: this.#ask(token) };',
      '[token.bound] a question whose answer is late is not shared past its second',
    ],
    [
      'token.bound',
      'if (this.#asked.get(id) === entry)',
      'if (this.#asked.get(id) !== entry)',
      '[token.bound] a token that is not active any more is refused, and not remembered',
    ],
  ]),
  ...of('mcp', 'discovery', DISCOVERY, [
    [
      'token.bound',
      "if (url.startsWith('https:') || issuer.startsWith('http:')) return url;",
      "if (url.startsWith('https:') || issuer.startsWith('http')) return url;",
      "[token.bound] another authority's metadata is not believed: its keys are at http://127.0.0.1:8080/jwks",
    ],
    [
      'token.bound',
      'if (!isAbsent(answer)) return answer;',
      'if (answer.status === 200) return answer;',
      "[token.bound] another authority's metadata is not believed: its server fails",
    ],
    [
      'token.bound',
      'const fresh = this.#goodUntil(maxAgeMs);',
      'const fresh = this.#goodUntil(100 * maxAgeMs);',
      '[token.bound] keys that moved are asked for where they are now',
    ],
    [
      'token.bound',
      'this.#goodUntil(LAST_GOOD * maxAgeMs)',
      'this.#goodUntil(100 * maxAgeMs)',
      'metadata is read again after its time, and its last word counts for thrice that while its server is away',
    ],
    [
      'token.bound',
      'await (this.#running ??= this.#fetch()',
      'await (this.#running &&= undefined, this.#running ??= this.#fetch()',
      'callers at once share one discovery',
    ],
  ]),
  ...of('mcp', 'discovery', AUTHORITY, [
    [
      'token.bound',
      'this.#deps.monotonic() - this.#failedAt < COOL_DOWN_MS',
      'COOL_DOWN_MS < 0',
      'after a discovery that failed the authority has a second of peace',
    ],
  ]),
  ...of('mcp', 'config', CONFIG, [
    [
      'token.bound',
      '(isDauth || !requireDpop)',
      'isDauth',
      '[token.bound] another authority: a contradiction has a sentence of its own: requireDpop and maxTokenLifetime (5)',
    ],
    [
      'token.bound',
      '    if (config[name] !== undefined)',
      "    if (config[name] === '')",
      '[token.bound] another authority: a contradiction has a sentence of its own: executor (0)',
    ],
    [
      'token.bound',
      'if (introspection && !isDauth && config.server === undefined)',
      "if (introspection && !isDauth && config.server === '')",
      '[token.bound] another authority: a contradiction has a sentence of its own: introspection (4)',
    ],
  ]),
  ...of('mcp', 'authority', BEARER, [
    [
      'dispatch.bound',
      '...(subjectDpop === undefined ? {} : { subject_dpop: subjectDpop }),',
      "subject_dpop: subjectDpop ?? '',",
      '[dispatch.bound] the exchange for an unbound call carries no proof, and that for a bound one carries its own',
    ],
  ]),
  ...of('mcp', 'protect', BEARER, [
    [
      'token.bound',
      'if (!settings.requireDpop) warn(UNBOUND);',
      "if (settings.resource === '') warn(UNBOUND);",
      'what is given away is said at the start, once, and in the metadata',
    ],
  ]),
  ...of('mcp', 'authenticate', NONCE, [
    [
      'token.bound',
      "if (typeof claims.nonce !== 'string' || !nonces.verify(claims.nonce))",
      "if (typeof claims.nonce !== 'string')",
      '[token.bound] a proof with one by another key is refused, with the one it needs',
    ],
  ]),
  ...of('mcp', 'nonce', NONCE, [
    [
      'token.bound',
      '[slot(), slot() - 1].some(',
      '[slot(), slot() - 1, slot() - 2].some(',
      '[token.bound] a proof with one of another time is refused, with the one it needs',
    ],
  ]),
];
