/** Bodies on `node:http`, over raw sockets: whole or not at all, and the same octets for whoever reads them later. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { both, CONFIG, makeGate } from './gate.test-support.ts';
import { toListener } from './node.ts';

type Fetch = (request: Request) => Promise<Response>;
const OPTIONS = { timeout: 30_000 };

async function serve(t: TestContext, fetch: Fetch): Promise<Server> {
  const server = createServer(toListener({ fetch })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return server;
}

function open(server: Server): { readonly socket: Socket; readonly until: (text: string) => Promise<string> } {
  let said = '';
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const until = async (text: string): Promise<string> => {
    while (!said.includes(text)) await once(socket, 'data');
    return said;
  };
  return { socket, until };
}

const head = (...fields: string[]) =>
  ['POST /mcp HTTP/1.1', 'host: x', ...Object.entries(both()).map(([name, value]) => `${name}: ${value}`), ...fields]
    .map((line) => `${line}\r\n`)
    .join('') + '\r\n';
const announced = (text: string) => `${head(`content-length: ${text.length}`)}${text}`;

test(
  'a body that comes in pieces is taken whole, and read again from the request and its clone',
  OPTIONS,
  async (t) => {
    const read: string[] = [];
    const gate = makeGate(CONFIG, {
      fetch: async (request) => {
        const clone = request.clone();
        read.push(await request.text(), await clone.text());
        return new Response('ran');
      },
    });
    const { socket, until } = open(await serve(t, gate.fetch));
    socket.write(`${head('transfer-encoding: chunked')}3\r\n{"a\r\n`);
    await sleep(50);
    socket.write('4\r\n":1}\r\n');
    await sleep(50);
    socket.write('0\r\n\r\n');
    assert.match(await until('ran'), /^HTTP\/1\.1 200 /);
    assert.deepEqual(read, ['{"a":1}', '{"a":1}']);
  },
);

test('who reads a clone in front of the gate takes nothing away from it', OPTIONS, async (t) => {
  const read: string[] = [];
  const gate = makeGate(CONFIG, {
    fetch: async (request) => {
      read.push(await request.text());
      return new Response('ran');
    },
  });
  const server = await serve(t, async (request) => {
    read.push(await request.clone().text());
    return gate.fetch(request);
  });
  const { socket, until } = open(server);
  socket.write(announced('{"a":1}'));
  assert.match(await until('ran'), /^HTTP\/1\.1 200 /);
  assert.deepEqual(read, ['{"a":1}', '{"a":1}']);
});

test(
  '[token.bound] a body that is cut off is no whole one, neither for the gate nor for who reads the stream',
  OPTIONS,
  async (t) => {
    let ran = 0;
    const gate = makeGate(CONFIG, { fetch: async () => new Response(String(++ran)) });
    const answers: (number | string)[] = [];
    let over = () => {};
    const server = await serve(t, async (request) => {
      const answer = request.headers.has('x-gate')
        ? (await gate.fetch(request)).status
        : await request.text().catch((error: Error) => error.message);
      answers.push(answer);
      over();
      return new Response('');
    });
    for (const fields of [['x-gate: 1'], []]) {
      const { socket } = open(server);
      const isOver = new Promise<void>((resolve) => (over = resolve));
      socket.write(`${head('content-length: 100', ...fields)}{}`);
      await sleep(50);
      socket.destroy();
      await isOver;
    }
    assert.deepEqual([answers, ran], [[500, 'The connection was closed before the whole body was there.'], 0]);
  },
);

test(
  '[token.bound] who reads a body when the request is answered gets an error, and never a part for the whole',
  OPTIONS,
  async (t) => {
    let late: Promise<string> | undefined;
    const server = await serve(t, async (request) => {
      const reader = request.body!.getReader();
      assert.equal(Buffer.from((await reader.read()).value!).toString(), '{"a":');
      const next = reader.read();
      late = next.then(
        ({ done }) => `done: ${done}`,
        (error: Error) => error.message,
      );
      return new Response('answered');
    });
    const { socket, until } = open(server);
    socket.write(`${head('content-length: 8')}{"a":`);
    await until('answered');
    assert.equal(await late, 'The request was answered before its body was read.');
    socket.write('"b"');
    socket.write(announced('{"a":'));
    assert.equal(
      (await until('answered\r\n0\r\n\r\nHTTP')).split('HTTP/1.1 200').length,
      3,
      'the next one is answered',
    );
  },
);

test('the signal of a request tells that its client left, and nothing after a whole answer', OPTIONS, async (t) => {
  const signals: AbortSignal[] = [];
  const server = await serve(t, async (request) => {
    signals.push(request.signal);
    const start = (controller: ReadableStreamDefaultController) => controller.enqueue(Buffer.from('begun'));
    return new Response(request.headers.has('x-open') ? new ReadableStream({ start }) : 'ran');
  });
  const whole = open(server);
  whole.socket.write(announced('{}'));
  await whole.until('ran');
  whole.socket.destroy();
  const left = open(server);
  left.socket.write(`${head('content-length: 2', 'x-open: 1')}{}`);
  await left.until('begun');
  left.socket.destroy();
  while (!signals[1]!.aborted) await sleep(5);
  assert.equal(signals[0]!.aborted, false);
});
