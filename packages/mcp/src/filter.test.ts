/** Filtered answers: what the scopes do not reach is not in them, whatever form they come in; what cannot be read is not passed on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from '@dauth/protocol';
import { both, CONFIG, makeGate, post, RESOURCE, said } from './gate.test-support.ts';

const FILTERED = {
  ...CONFIG,
  tools: { create_issue: { requiredScopes: ['issues:write'] } },
  scopeEnforcement: 'filter',
} as const;
const list = (...names: readonly string[]) => ({
  jsonrpc: '2.0',
  id: 1,
  result: { tools: names.map((name) => ({ name })) },
});
const ALL = JSON.stringify(list('create_issue', 'open'));
const REACHED = JSON.stringify(list('open'));
const UNREADABLE = 'The answer of this server could not be checked, so it was not passed on.';

/** What comes back where the server behind answers with `chunks`. */
async function answered(
  chunks: readonly string[],
  type: string | undefined,
  request = post(both()),
): Promise<Response> {
  const body = new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
  const headers = type === undefined ? {} : { 'content-type': type };
  return makeGate(FILTERED, { fetch: async () => new Response(body, { headers }) }).fetch(request);
}
const get = () => new Request(RESOURCE, { headers: { ...both(undefined, { htm: 'GET' }), 'last-event-id': '7' } });

for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/vnd.mcp+json']) {
  test(`a list as ${type} loses the tools that are out of reach`, async () => {
    assert.equal(await (await answered([ALL], type)).text(), REACHED);
  });
}

test('each answer of a batch is filtered, and nothing else of it is touched', async () => {
  const other = { jsonrpc: '2.0', id: 2, result: { tools: 'none', content: [] } };
  const answer = await answered([JSON.stringify([list('create_issue'), other, 5])], 'application/json');
  assert.deepEqual(await answer.json(), [list(), other, 5]);
});

test('what holds nothing out of reach comes back octet for octet', async () => {
  const text = '{ "jsonrpc":"2.0", "id":1, "result":{"tools":[{"name":"open"}, 7]} }';
  assert.equal(await (await answered([text], 'application/json')).text(), text);
});

for (const [what, end] of [
  ['LF', '\n'],
  ['CR LF', '\r\n'],
  ['CR', '\r'],
] as const) {
  test(`events with ${what} are filtered, however they are cut into chunks`, async () => {
    const events = [`: hi${end}${end}`, `id: 1${end}data: ${ALL}${end}${end}`, `id: 2${end}data:${end}${end}`].join('');
    for (const size of [1, 7, events.length]) {
      const chunks = events.match(new RegExp(`[^]{1,${size}}`, 'g'))!;
      const text = await (await answered(chunks, 'text/event-stream')).text();
      assert.ok(!text.includes('create_issue'), text);
      assert.ok(text.includes(`id: 1\ndata: ${REACHED}\n\n`), text);
      assert.ok(text.startsWith(`: hi${end}`) && text.includes(`id: 2${end}data:${end}`), text);
    }
  });
}

test('data in several lines is one document, and an event without its blank line is none the less looked at', async () => {
  const [head, tail] = [ALL.slice(0, 1), ALL.slice(1)];
  const text = await (await answered([`data: ${head}\ndata:${tail}`], 'text/event-stream')).text();
  assert.equal(text, `data: ${REACHED}\n\n`);
});

test('[token.bound] a stream taken up again by GET is filtered like the answer it replays', async () => {
  const text = await (await answered([`id: 7\ndata: ${ALL}\n\n`], 'text/event-stream', get())).text();
  assert.equal(text, `id: 7\ndata: ${REACHED}\n\n`);
});

test('a JSON answer that cannot be read is not passed on', async () => {
  const { status, code, detail } = await said(await answered([`${ALL},`], 'application/json'));
  assert.deepEqual([status, code, detail], [500, 'INTERNAL', UNREADABLE]);
});

test('a large event in many chunks is one event, and filtered', async () => {
  const large = JSON.stringify([list('create_issue'), 'x'.repeat(4 * 1_048_576)]);
  const chunks = `id: 1\ndata: ${large}\n\nid: 2\n\n`.match(/[^]{1,1024}/g)!;
  const text = await (await answered(chunks, 'text/event-stream')).text();
  assert.ok(text === `id: 1\ndata: ${large.replace('{"name":"create_issue"}', '')}\n\nid: 2\n\n`);
});

test('[token.bound] an event without end is given up, and its source with it', async () => {
  let octets = 0;
  let cancelled: unknown;
  const body = new ReadableStream({
    pull(controller) {
      octets += 1_048_576;
      if (octets > 80 * 1_048_576) controller.close();
      else controller.enqueue(new Uint8Array(1_048_576).fill(0x20));
    },
    cancel(reason) {
      cancelled = reason;
    },
  });
  const headers = { 'content-type': 'text/event-stream' };
  const answer = await makeGate(FILTERED, { fetch: async () => new Response(body, { headers }) }).fetch(post(both()));
  await assert.rejects(answer.text(), { name: 'DAuthError', code: 'INTERNAL', publicMessage: UNREADABLE });
  assert.ok(cancelled instanceof DAuthError);
});

for (const [what, data] of [
  ['a comma too many', `${ALL},`],
  ['a second line that belongs to no document', `${ALL}\ndata: x`],
] as const) {
  test(`a stream ends in an error where an event cannot be read: ${what}`, async () => {
    const answer = await answered([`data: ${REACHED}\n\n`, `data: ${data}\n\n`], 'text/event-stream');
    const reader = answer.body!.getReader();
    assert.equal(Buffer.from((await reader.read()).value!).toString(), `data: ${REACHED}\n\n`);
    await assert.rejects(reader.read(), { name: 'DAuthError', code: 'INTERNAL', publicMessage: UNREADABLE });
  });
}

test('an answer of another kind, or without a body, is none that lists tools', async () => {
  assert.equal(await (await answered(['hello'], 'text/plain')).text(), 'hello');
  const gate = makeGate(FILTERED, { fetch: async () => new Response(null, { status: 202 }) });
  assert.equal((await gate.fetch(post(both()))).status, 202);
});
