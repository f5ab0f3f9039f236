/** The gate on plain `node:http`, over raw sockets: whatever comes in, what goes back is a code, a sentence and a request id. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { both, CONFIG, makeGate, makeToken, said } from './gate.test-support.ts';
import { serveOn, toListener } from './node.ts';

const METADATA = '/.well-known/oauth-protected-resource/mcp';
const NOT_WELL_FORMED = 'The request is not well-formed.';
const NO_METHOD = 'This address does not take that method.';

/** An answer, once all of it is there. */
function parseAnswer(text: string): Response | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [line = '', ...fields] = text.slice(0, end).split('\r\n');
  const headers = new Headers(fields.map((field) => field.split(': ', 2) as [string, string]));
  const body = text.slice(end + 4);
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)![1]);
  if (headers.get('transfer-encoding') !== 'chunked')
    return body.length === Number(headers.get('content-length')) ? new Response(body, { status, headers }) : undefined;
  // One short chunk is all that the answers of these tests have.
  return body.endsWith('0\r\n\r\n') ? new Response(body.split('\r\n')[1], { status, headers }) : undefined;
}

describe('the gate on node:http', { timeout: 60_000 }, () => {
  let server: Server;
  const seen: string[] = [];
  let cancelled = Promise.resolve();
  /** A stream that begins and does not end. */
  const openAnswer = () => {
    let tell = () => {};
    cancelled = new Promise((resolve) => (tell = resolve));
    const start = (controller: ReadableStreamDefaultController) => controller.enqueue(Buffer.from('begun'));
    return new ReadableStream({ start, cancel: () => tell() });
  };
  before(async () => {
    const inner = {
      fetch: async (request: Request) => {
        seen.push(request.url);
        return request.headers.has('x-open') ? new Response(openAnswer()) : new Response('ran');
      },
    };
    server = serveOn(createServer(), makeGate(CONFIG, inner)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  /** Sends octets as they are, and reads one answer to its end. */
  const send = (octets: string, to: Server = server) =>
    new Promise<Response>((resolve, reject) => {
      let text = '';
      const socket = connect((to.address() as AddressInfo).port, '127.0.0.1', () => socket.write(octets));
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`closed without a whole answer: ${JSON.stringify(text)}`)));
      socket.on('data', (chunk: Buffer) => {
        const answer = parseAnswer((text += chunk.toString('latin1')));
        if (answer === undefined) return;
        resolve(answer);
        socket.destroy();
      });
    });

  /** A connection, and what it has said so far once that satisfies `isEnough`, or at its end. */
  const open = () => {
    let text = '';
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    const until = (isEnough: (text: string) => boolean) =>
      new Promise<string>((resolve) => {
        const look = () => isEnough(text) && resolve(text);
        socket.on('data', look);
        socket.on('close', () => resolve(text));
        look();
      });
    return { socket, until };
  };
  const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);

  const request = (line: string, fields: readonly string[] = [], body = '') =>
    `${line}\r\nhost: x\r\n${fields.map((field) => `${field}\r\n`).join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const POST = 'POST /mcp HTTP/1.1';
  const fieldsOf = (headers: Record<string, string>) =>
    Object.entries(headers).map(([name, value]) => `${name}: ${value}`);

  const refused = async (octets: string, status: number, code: string, detail: string) => {
    const answer = await send(octets);
    const { headers } = answer;
    assert.equal(headers.get('content-type'), 'application/problem+json');
    assert.equal(headers.get('cache-control'), 'no-store');
    const was = await said(answer);
    assert.deepEqual([was.status, was.code, was.detail], [status, code, detail]);
    assert.equal(headers.get('dauth-request-id'), was.id);
    return { ...was, headers };
  };

  test('[token.bound] control: a good request over the same socket runs', async () => {
    const answer = await send(request(POST, fieldsOf(both()), '{}'));
    assert.deepEqual([answer.status, await answer.text()], [200, 'ran']);
  });

  for (const [what, lines, detail] of [
    [
      'two Authorization headers',
      ['authorization', 'authorization', 'dpop'],
      'The request has more than one Authorization header.',
    ],
    ['two DPoP headers', ['authorization', 'dpop', 'dpop'], 'The request has more than one DPoP header.'],
    ['no DPoP header', ['authorization'], 'The request has no DPoP header. Sign a proof for it.'],
  ] as const) {
    test(`[token.bound] a request with ${what} is refused`, async () => {
      const headers = both();
      const fields = lines.map((name) => `${name}: ${headers[name]}`);
      const { challenge } = await refused(request(POST, fields, '{}'), 401, 'UNAUTHENTICATED', detail);
      assert.match(challenge, /^DPoP error="invalid_token"/);
    });
  }

  test('[token.bound] Bearer beside DPoP is refused as two Authorization headers', async () => {
    const fields = [...fieldsOf(both()), `authorization: Bearer ${makeToken()}`];
    await refused(
      request(POST, fields, '{}'),
      401,
      'UNAUTHENTICATED',
      'The request has more than one Authorization header.',
    );
  });

  for (const target of [
    '//',
    '//evil.example/mcp',
    '/__proto__',
    '/mcp?__proto__=1',
    '/mcp/../mcp',
    'http://evil.example/mcp',
    'http://a:b@evil.example/mcp',
  ]) {
    test(`[token.bound] the target ${target} is no way around: without a token it is a 401`, async () => {
      const detail = 'The request has no Authorization header.';
      const { challenge } = await refused(request(`GET ${target} HTTP/1.1`), 401, 'UNAUTHENTICATED', detail);
      assert.match(challenge, /resource_metadata="https:\/\/mcp\.example\//);
    });
  }

  test('an absolute target is taken by its path (RFC 9112 §3.2.2)', async () => {
    const answer = await send(request(`GET http://evil.example${METADATA} HTTP/1.1`));
    assert.equal(answer.status, 200);
    assert.equal(((await answer.json()) as { resource: string }).resource, CONFIG.resource);
  });

  for (const target of ['http://[/', 'http://', '*']) {
    test(`the target ${target} is refused`, async () => {
      const detail = 'The request target must be a path or an absolute http URL.';
      await refused(request(`OPTIONS ${target} HTTP/1.1`), 400, 'INVALID_REQUEST', detail);
    });
  }

  for (const line of ['TRACE /mcp HTTP/1.1', 'CONNECT evil.example:443 HTTP/1.1']) {
    test(`${line} is refused`, async () => {
      const { headers } = await refused(request(line), 405, 'METHOD_NOT_ALLOWED', NO_METHOD);
      assert.equal(headers.get('allow'), 'GET, POST, DELETE');
    });
  }

  for (const [what, octets] of [
    ['a bare LF in a header', `${POST}\r\nhost: x\r\na: b\nauthorization: DPoP x\r\n\r\n`],
    ['a bare CR in a header', `${POST}\r\nhost: x\r\na: b\rc\r\n\r\n`],
    ['a NUL in a header', `${POST}\r\nhost: x\r\na: \0\r\n\r\n`],
    ['a folded header', `${POST}\r\nhost: x\r\na: b\r\n c: d\r\n\r\n`],
    ['a space before the colon', `${POST}\r\nhost: x\r\nauthorization : DPoP x\r\n\r\n`],
    ['two lengths', `${POST}\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}`],
    ['a length and chunks', `${POST}\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['a space in the target', 'GET /a b HTTP/1.1\r\nhost: x\r\n\r\n'],
  ] as const) {
    test(`what cannot be read is answered all the same: ${what}`, async () => {
      await refused(octets, 400, 'INVALID_REQUEST', NOT_WELL_FORMED);
    });
  }

  for (const [what, hosts] of [
    ['no', ''],
    ['two', 'host: x\r\nhost: x\r\n'],
  ] as const) {
    test(`a request with ${what} Host headers is refused (RFC 9112 §3.2)`, async () => {
      const octets = `GET /mcp HTTP/1.1\r\n${hosts}\r\n`;
      await refused(octets, 400, 'INVALID_REQUEST', 'A request has exactly one Host header.');
    });
  }

  test('[token.bound] a second Authorization header behind two thousand others is still seen', async () => {
    const headers = [...fieldsOf(both()), ...Array.from({ length: 2_400 }, () => 'a:'), 'authorization: DPoP x'];
    const detail = 'The request has more than one Authorization header.';
    await refused(request(POST, headers, '{}'), 401, 'UNAUTHENTICATED', detail);
  });

  test('a head that is too large is answered all the same', async () => {
    const octets = `${POST}\r\nhost: x\r\na: ${'b'.repeat(20_000)}\r\n\r\n`;
    await refused(octets, 413, 'PAYLOAD_TOO_LARGE', 'The request is larger than allowed.');
  });

  for (const framing of ['announced', 'chunked'] as const) {
    test(`a body that is too large (${framing}) is answered, not cut off`, async () => {
      const before_ = seen.length;
      const body = 'x'.repeat(4 * 1_048_576 + 1);
      const head = [POST, 'host: x', ...fieldsOf(both())].join('\r\n');
      const octets =
        framing === 'announced'
          ? `${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
          : `${head}\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      await refused(octets, 413, 'PAYLOAD_TOO_LARGE', 'The request is larger than allowed.');
      assert.equal(seen.length, before_);
    });
  }

  for (const [status, size, headers] of [
    ['401', 1_000, {}],
    ['401', 150_000, {}],
    ['401', 1_000_000, {}],
    ['413', 5_000_000, both()],
  ] as const) {
    test(`a body of ${size} octets that is refused (${status}) does not stand in the way of the next request`, async () => {
      const { socket, until } = open();
      socket.write(request(POST, fieldsOf(headers), 'x'.repeat(size)));
      await until((text) => statuses(text).length === 1);
      socket.write(request(POST, fieldsOf(both()), '{}'));
      const text = await until((said_) => said_.endsWith('ran\r\n0\r\n\r\n'));
      assert.deepEqual(statuses(text), [status, '200']);
      socket.destroy();
    });
  }

  test('[token.bound] a refused body without end is not taken for ever', async () => {
    const { socket, until } = open();
    socket.write(`${POST}\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n`);
    await until((text) => text.includes('dauth-request-id'));
    const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`;
    let mebibytes = 0;
    const more = () => {
      if (++mebibytes > 100) socket.destroy();
      else if (socket.write(chunk)) setImmediate(more);
      else socket.once('drain', more);
    };
    more();
    assert.deepEqual(statuses(await until(() => false)), ['401']);
    assert.ok(mebibytes <= 100, 'it was taken whole');
  });

  test('a client that leaves ends the answer that was under way for it', async () => {
    const { socket, until } = open();
    socket.write(request(POST, [...fieldsOf(both()), 'x-open: 1'], '{}'));
    assert.match(await until((text) => text.includes('begun')), /^HTTP\/1\.1 200 /);
    socket.destroy();
    await cancelled;
  });

  for (const [what, octets] of [
    ['octets that are no request', 'hello\r\n\r\n'],
    ['a tunnel', 'CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n'],
  ] as const) {
    test(`[token.bound] nothing is written into an answer under way: ${what}`, async () => {
      const { socket, until } = open();
      socket.write(request(POST, [...fieldsOf(both()), 'x-open: 1'], '{}'));
      await until((text) => text.includes('begun'));
      socket.write(octets);
      assert.deepEqual(statuses(await until(() => false)), ['200']);
      await cancelled;
    });
    test(`control: after a whole answer there is one for ${what}`, async () => {
      const { socket, until } = open();
      socket.write(request(POST, fieldsOf(both()), '{}'));
      await until((text) => text.endsWith('ran\r\n0\r\n\r\n'));
      socket.write(octets);
      assert.deepEqual(statuses(await until(() => false)), ['200', what === 'a tunnel' ? '405' : '400']);
    });
  }

  test('an expectation nobody knows is no reason for silence', async () => {
    const answer = await send(request(POST, [...fieldsOf(both()), 'expect: tea'], '{}'));
    assert.deepEqual([answer.status, await answer.text()], [200, 'ran']);
  });

  test('a handler that throws is answered for on a listener alone, too', async () => {
    const broken = createServer(toListener({ fetch: () => Promise.reject(new Error('secret detail')) }));
    broken.listen(0, '127.0.0.1');
    await new Promise((resolve) => broken.once('listening', resolve));
    try {
      const answer = await send(request(POST, [], '{}'), broken);
      const text = await answer.clone().text();
      const { status, code } = await said(answer);
      assert.deepEqual([status, code], [500, 'INTERNAL']);
      assert.ok(!text.includes('secret detail'));
    } finally {
      broken.close();
    }
  });
});
