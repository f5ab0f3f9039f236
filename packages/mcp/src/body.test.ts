/** The body of a request: read once, strictly, and what was checked is what the server behind gets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { both, CONFIG, makeGate, makeToken, post, RESOURCE, said } from './gate.test-support.ts';
import type { FetchHandler } from './protect.ts';

const SCOPED = { ...CONFIG, tools: { create_issue: { requiredScopes: ['issues:write'] } } };
const call = (name: unknown) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } });

/** Tells what the server behind was given. */
function recorder() {
  const seen: { parsed: unknown; text: string }[] = [];
  const inner: FetchHandler = {
    fetch: async (request, options) => {
      seen.push({ parsed: options?.parsedBody, text: await request.text() });
      return Response.json('ok');
    },
  };
  return { seen, inner };
}

const octets = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const NOT_JSON = 'A JSON document is not well-formed.';
const NOT_UTF8 = 'A value is not well-formed UTF-8.';
const TWICE = 'A JSON object has a duplicate or forbidden member.';
const BAD: readonly (readonly [what: string, body: string | Buffer, sentence: string])[] = [
  ['a byte order mark before the message', octets([0xef, 0xbb, 0xbf], JSON.stringify(call('create_issue'))), NOT_JSON],
  ['UTF-16', Buffer.from(JSON.stringify(call('create_issue')), 'utf16le'), NOT_JSON],
  ['an octet that is not UTF-8', octets('{"a":"', [0xff], '"}'), NOT_UTF8],
  ['an overlong form', octets('{"a":"', [0xc0, 0xaf], '"}'), NOT_UTF8],
  ['nothing', '', NOT_JSON],
  ['text', 'hello', NOT_JSON],
  ['two documents', '{}{}', NOT_JSON],
  ['a comma too many', '{"a":1,}', NOT_JSON],
  ['a method twice', '{"method":"ping","method":"tools/call"}', TWICE],
  ['a name twice, once escaped', '{"params":{"name":"open","n\\u0061me":"create_issue"}}', TWICE],
  [
    'a name twice, a value with quotes and brackets between',
    '{"method":"\\"}{[","x":[{"method":1}],"method" :1}',
    TWICE,
  ],
  ['__proto__', '{"__proto__":{"method":"tools/call"}}', TWICE],
  ['__proto__, escaped', '{"a":[{"__pr\\u006fto__":1}]}', TWICE],
  ['half a character in a name', '{"method\\ud83d":"tools/call"}', TWICE],
  ['513 levels', `${'['.repeat(513)}${']'.repeat(513)}`, 'A JSON document is nested too deeply.'],
];
for (const [what, body, sentence] of BAD) {
  test(`[token.bound] a body is refused and runs nothing: ${what}`, async () => {
    const { seen, inner } = recorder();
    const { status, code, detail } = await said(await makeGate(SCOPED, inner).fetch(post(both(), RESOURCE, body)));
    assert.deepEqual([status, code, detail], [400, 'INVALID_REQUEST', sentence]);
    assert.deepEqual(seen, []);
  });
}

test('[token.bound] the server behind gets the value that was checked, and the same octets', async () => {
  const { seen, inner } = recorder();
  const text = JSON.stringify(call('open'));
  assert.equal((await makeGate(SCOPED, inner).fetch(post(both(), RESOURCE, text))).status, 200);
  assert.deepEqual(seen, [{ parsed: call('open'), text }]);
  assert.equal(Object.getPrototypeOf(seen[0]!.parsed), Object.prototype, 'tools get ordinary objects');
});

test('[token.bound] the handler of the SDK gets the same octets, however a tool reads them, and once as of any request', async () => {
  const text = JSON.stringify(call('open'));
  const read: unknown[] = [];
  const ways: readonly ((request: Request) => Promise<unknown>)[] = [
    (request) => request.text(),
    async (request) => JSON.stringify(await request.json()),
    async (request) => Buffer.from(await request.arrayBuffer()).toString(),
    async (request) => (await request.blob()).text(),
    async (request) => (await request.clone().text()).length === text.length && request.text(),
    (request) => new Response(request.body).text(),
    async (request) => new Request('https://other.example', request).text(),
  ];
  for (const way of ways) {
    const inner = {
      ...{ notify: {}, bus: {} },
      fetch: async (request: Request) => {
        assert.ok(request instanceof Request);
        assert.deepEqual([request.method, request.url, request.bodyUsed], ['POST', RESOURCE, false]);
        assert.equal(request.headers.get('x-tool'), 'one');
        read.push(await way(request));
        assert.equal(request.bodyUsed, true);
        await assert.rejects(request.text(), TypeError);
        return new Response('ran');
      },
    };
    const request = post({ ...both(), 'x-tool': 'one' }, RESOURCE, text);
    assert.equal((await makeGate(SCOPED, inner).fetch(request)).status, 200);
  }
  assert.deepEqual(
    read,
    ways.map(() => text),
  );
});

test('another handler may put the request into a new one', async () => {
  const text = JSON.stringify(call('open'));
  const inner = { fetch: async (request: Request) => new Response(new Request(request, { headers: {} }).body) };
  const answer = await makeGate(SCOPED, inner).fetch(post(both(), RESOURCE, text));
  assert.deepEqual([answer.status, await answer.text()], [200, text]);
});

for (const [what, value] of [
  ['512 levels', `${'['.repeat(510)}"]}"${']'.repeat(510)}`],
  ['half a character in a string', '"\\ud83d"'],
  ['a number larger than any', '[1e999, 1.0, -0]'],
  ['the same name in two objects, and as a value', '[{"a":"a"},{"a":{"a":["a","a"]}}]'],
] as const) {
  test(`what is legal JSON reaches a tool: ${what}`, async () => {
    const { seen, inner } = recorder();
    const text = `{"method":"tools/call","params":{"name":"open","x":${value}}}`;
    assert.equal((await makeGate(SCOPED, inner).fetch(post(both(), RESOURCE, text))).status, 200);
    assert.deepEqual(seen, [{ parsed: JSON.parse(text), text }]);
  });
}

test('[token.bound] a tool needs its scopes beyond those of the server', async () => {
  const { seen, inner } = recorder();
  const gate = makeGate(SCOPED, inner);
  const ask = (token: string) =>
    gate.fetch(post(both(token), RESOURCE, JSON.stringify([call('open'), call('create_issue')])));
  const { status, code, detail, challenge } = await said(await ask(makeToken()));
  assert.deepEqual([status, code], [403, 'FORBIDDEN']);
  assert.equal(detail, 'The token lacks a scope this needs. Ask for one with the scopes named.');
  assert.match(challenge, /^DPoP error="insufficient_scope".*scope="mcp:use issues:write"/);
  assert.deepEqual(seen, []);
  assert.equal((await ask(makeToken({ scope: 'mcp:use issues:write' }))).status, 200, 'control');
});

for (const [what, name] of [
  ['an object', { toString: 'create_issue' }],
  ['a list', ['create_issue']],
  ['a number', 1],
  ['null', null],
  ['nothing', undefined],
  ['half a character too long', 'create_issue\ud83d'],
] as const) {
  test(`[token.bound] a tool call whose name is ${what} is refused`, async () => {
    const { seen, inner } = recorder();
    const body = JSON.stringify(call(name));
    const { status, code, detail } = await said(await makeGate(SCOPED, inner).fetch(post(both(), RESOURCE, body)));
    assert.deepEqual([status, code], [400, 'INVALID_REQUEST']);
    assert.equal(detail, 'A tools/call must name its tool as a string.');
    assert.deepEqual(seen, []);
  });
}

test('[token.bound] a batch of 100 is looked at whole, one of 101 is refused', async () => {
  const { seen, inner } = recorder();
  const gate = makeGate(SCOPED, inner);
  const batch = (size: number) => {
    const calls = Array.from({ length: size - 1 }, () => call('open'));
    return post(both(), RESOURCE, JSON.stringify([...calls, call('create_issue')]));
  };
  assert.equal((await said(await gate.fetch(batch(100)))).status, 403);
  const { status, code, detail } = await said(await gate.fetch(batch(101)));
  assert.deepEqual([status, code, detail], [400, 'INVALID_REQUEST', 'A batch has at most 100 messages.']);
  assert.deepEqual(seen, []);
});

test('a body larger than 4 MiB is refused, whether its length was announced or not', async () => {
  const { seen, inner } = recorder();
  const gate = makeGate(CONFIG, inner);
  const large = `"${'x'.repeat(4 * 1_048_576)}"`;
  const streamed = new Request(RESOURCE, {
    method: 'POST',
    body: new Blob([large]).stream(),
    headers: both(),
    duplex: 'half',
  } as RequestInit);
  const announced = post({ ...both(), 'content-length': String(large.length) }, RESOURCE, '{}');
  for (const request of [streamed, announced, post(both(), RESOURCE, large)]) {
    const { status, code, detail } = await said(await gate.fetch(request));
    assert.deepEqual([status, code, detail], [413, 'PAYLOAD_TOO_LARGE', 'The request is larger than allowed.']);
  }
  assert.deepEqual(seen, []);
});
