/**
 * Whoever can reach the executor's door, and holds a pass for it, wants one request to be two, or none to end (SECURITY.md,
 * attackers 1 and 3): smuggling, pipelining, chunk tricks, upgrades, tunnels, slow and oversized requests. What two readers could
 * read differently gets one refusal and the end of its connection; what was smuggled never arrives.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { proves } from '../../claims.ts';
import { laySiege, type Said, type Siege } from './siege.ts';

const PATH = '/repos/first';
const SMUGGLED = '/repos/smuggled';

describe('at the door of the executor', { timeout: 400_000 }, () => {
  let siege: Siege;
  before(async () => {
    const methods = ['GET', 'POST', 'PUT', 'DELETE'].flatMap((method) => ['--method', method]);
    siege = await laySiege({ connect: [...methods, '--path', '/repos/**'] });
  });
  after(() => siege?.[Symbol.asyncDispose]());

  const address = (path: string): string => `/connections/${siege.handle}${path}`;

  /** A head that is let in, with these lines in it. */
  async function head(method: string, path: string, lines: readonly string[] = []): Promise<string> {
    const all = [`${method} ${address(path)} HTTP/1.1`, 'Host: executor', ...(await siege.pass(method, address(path)))];
    return [...all, ...lines, '', ''].join('\r\n');
  }

  /** Arrived since, by target. */
  function watch(): () => readonly string[] {
    const sent = siege.upstream.arrived.length;
    return () => siege.upstream.arrived.slice(sent).map(({ line }) => line.split(' ')[1]!);
  }

  const statuses = ({ octets }: Said): readonly string[] =>
    [...octets.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status!);

  async function assertAlive(): Promise<void> {
    assert.equal((await siege.stream('/repos/alive')).headers['dauth-upstream'], '1', 'it serves as before');
  }

  /** Framing of a request that two readers measure differently; `{GET}` is the whole request that one of them would find behind it. */
  const FRAMINGS: readonly (readonly [what: string, lines: readonly string[], body: string])[] = [
    ['a length and chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n{GET}'],
    ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 4'], '0\r\n\r\n{GET}'],
    ['chunks that are identity too', ['Transfer-Encoding: chunked, identity'], '0\r\n\r\n{GET}'],
    ['chunks in another coding', ['Transfer-Encoding: xchunked'], '0\r\n\r\n{GET}'],
    ['gzip and no chunks', ['Transfer-Encoding: gzip'], '{GET}'],
    ['chunks twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n{GET}'],
    ['a blank before the colon', ['Transfer-Encoding : chunked', 'Content-Length: 5'], '0\r\n\r\n{GET}'],
    ['a folded coding', ['Transfer-Encoding:', ' chunked', 'Content-Length: 5'], '0\r\n\r\n{GET}'],
    ['a vertical tab', ['Transfer-Encoding: \x0bchunked', 'Content-Length: 5'], '0\r\n\r\n{GET}'],
    ['a coding behind a bare line feed', ['X: a\nTransfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n{GET}'],
    ['a coding behind a bare return', ['X: a\rTransfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n{GET}'],
    ['a coding behind a zero', ['X: a\0b', 'Content-Length: 5'], '0\r\n\r\n{GET}'],
    ['two lengths', ['Content-Length: 0', 'Content-Length: 5'], '{GET}'],
    ['a length twice', ['Content-Length: 0', 'Content-Length: 0'], '{GET}'],
    ['two lengths in one', ['Content-Length: 0, 5'], '{GET}'],
    ['a length with a sign', ['Content-Length: +0'], '{GET}'],
    ['a negative length', ['Content-Length: -1'], '{GET}'],
    ['a length in hex', ['Content-Length: 0x0'], '{GET}'],
    ['a length that is none', ['Content-Length: '], '{GET}'],
    ['a length with more digits than any number', [`Content-Length: ${'9'.repeat(40)}`], '{GET}'],
    ['a chunk with a sign', ['Transfer-Encoding: chunked'], '+0\r\n\r\n{GET}'],
    ['a negative chunk', ['Transfer-Encoding: chunked'], '-1\r\n\r\n{GET}'],
    ['a chunk in C', ['Transfer-Encoding: chunked'], '0x0\r\n\r\n{GET}'],
    ['a chunk of more octets than there are', ['Transfer-Encoding: chunked'], `${'f'.repeat(17)}\r\n{GET}`],
    ['a chunk size of nothing', ['Transfer-Encoding: chunked'], '\r\n\r\n{GET}'],
    ['a chunk that ends late', ['Transfer-Encoding: chunked'], '1\r\nabc\r\n0\r\n\r\n{GET}'],
    ['a chunk with a bare line feed', ['Transfer-Encoding: chunked'], '1\na\n0\n\n{GET}'],
    ['a chunk extension with a bare line feed', ['Transfer-Encoding: chunked'], '0;a\nb\r\n\r\n{GET}'],
    ['a name without a colon', ['Content-Length'], '{GET}'],
    ['a name with a blank in front', [' X: a'], '{GET}'],
    ['a name of nothing', [': a'], '{GET}'],
    ['a name that is no token', ['X(y): a'], '{GET}'],
  ];
  for (const [what, lines, body] of FRAMINGS) {
    proves('dispatch.bound', `${what}: what is behind the request is no request`, async () => {
      const arrived = watch();
      const [first, second] = [await head('POST', PATH, lines), await head('GET', SMUGGLED)];
      const said = await siege.send(first + body.replace('{GET}', () => second), { endsInput: true });
      assert.ok(!arrived().includes(SMUGGLED), 'it did not arrive');
      assert.ok(arrived().length <= 1);
      assert.ok(statuses(said).length <= 1, `there was one answer at most: ${statuses(said).join(' ')}`);
      assert.match(statuses(said)[0] ?? '400', /^[45]\d\d$/);
    });
  }

  proves('dispatch.bound', 'requests behind one another on one connection are each let in for themselves', async () => {
    const arrived = watch();
    const [first, second] = [await head('GET', PATH), await head('GET', '/repos/second')];
    const without = `GET ${address(SMUGGLED)} HTTP/1.1\r\nHost: executor\r\nConnection: close\r\n\r\n`;
    const said = await siege.send(first + second + without);
    assert.deepEqual([...arrived()].sort(), [PATH, '/repos/second']);
    assert.deepEqual(statuses(said), ['200', '200', '401'], 'in the order in which they were asked');
  });

  proves('dispatch.bound', 'a proof for one request lets in no second one behind it', async () => {
    const arrived = watch();
    const once_ = await head('GET', PATH);
    const said = await siege.send(
      once_ + once_ + once_.replace(PATH, SMUGGLED).replace('Host:', 'Connection: close\r\nHost:'),
    );
    assert.deepEqual(arrived(), [PATH]);
    assert.deepEqual(statuses(said), ['200', '401', '401']);
  });

  proves('dispatch.bound', 'trailers and chunk extensions of a caller end here', async () => {
    const chunked = await head('POST', PATH, [
      'Transfer-Encoding: chunked',
      'Trailer: authorization',
      'Connection: close',
    ]);
    const said = await siege.send(
      `${chunked}3;x=canary\r\nabc\r\n0\r\nAuthorization: Bearer canary\r\nX-Canary: 1\r\n\r\n`,
    );
    assert.equal(said.status, 200);
    const { headers, body } = siege.upstream.arrived.at(-1)!;
    assert.match(body, /abc/);
    assert.doesNotMatch([...headers, body].join('\n'), /canary/i);
  });

  const SHAPES: readonly (readonly [what: string, octets: () => Promise<string>, status: RegExp])[] = [
    ['a preface of HTTP/2', async () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^4/],
    [
      'an upgrade to h2c',
      () =>
        head('GET', PATH, [
          'Connection: Upgrade, HTTP2-Settings',
          'Upgrade: h2c',
          'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
        ]),
      /^400/,
    ],
    [
      'an upgrade to a WebSocket that no rule allows',
      () =>
        head('GET', PATH, [
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ]),
      /^403/,
    ],
    ['an upgrade to TLS', () => head('GET', PATH, ['Connection: Upgrade', 'Upgrade: TLS/1.0']), /^400/],
    ['CONNECT', async () => `CONNECT localhost:${siege.upstream.port} HTTP/1.1\r\nHost: x\r\n\r\n`, /^405/],
    ['CONNECT at a connection', () => head('CONNECT', PATH), /^4/],
    ['TRACE', () => head('TRACE', PATH), /^405/],
    ['TRACK', () => head('TRACK', PATH), /^4/],
    ['a method in other letters', () => head('get', PATH), /^4/],
    ['HTTP/1.0', async () => (await head('GET', PATH)).replace('HTTP/1.1', 'HTTP/1.0'), /^400/],
    ['HTTP/0.9', async () => `GET ${address(PATH)}\r\n\r\n`, /^400/],
    ['HTTP/1.2', async () => (await head('GET', PATH)).replace('HTTP/1.1', 'HTTP/1.2'), /^400/],
    ['an absolute target', async () => (await head('GET', PATH)).replace(' /', ` ${siege.upstream.origin}/`), /^400/],
    ['an asterisk', async () => 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', /^400/],
    ['two Hosts', () => head('GET', PATH, ['Host: other']), /^400/],
    ['no Host', async () => (await head('GET', PATH)).replace('Host: executor\r\n', ''), /^400/],
    ['two tokens', () => head('GET', PATH, ['Authorization: DPoP x']), /^400/],
    ['two proofs', () => head('GET', PATH, ['DPoP: x']), /^400/],
    [
      'two origins',
      () => head('GET', PATH, [`DAuth-Origin: ${siege.upstream.origin}`, 'DAuth-Origin: https://x.example']),
      /^400/,
    ],
    ['two content types', () => head('GET', PATH, ['Content-Type: a/b', 'Content-Type: c/d']), /^400/],
    [
      'more headers than are looked at',
      () =>
        head(
          'GET',
          PATH,
          Array.from({ length: 200 }, (_, at) => `X-${at}: 1`),
        ),
      /^400/,
    ],
    ['a head of 80 KiB', () => head('GET', PATH, [`X: ${'a'.repeat(80_000)}`]), /^413/],
    ['a target of 9 KiB', () => head('GET', `${PATH}?${'a'.repeat(9_000)}`), /^413/],
    ['a TLS hello', async () => '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03', /^400/],
    ['a fragment', () => head('GET', `${PATH}#x`), /^400/],
    ['a backslash', async () => (await head('GET', PATH)).replace('/repos', '\\repos'), /^4/],
  ];
  for (const [what, octets, status] of SHAPES) {
    proves('dispatch.bound', `${what} is refused in our words, and nothing arrives`, async () => {
      const arrived = watch();
      const said = await siege.send(await octets(), { endsInput: true });
      assert.match(String(said.status), status);
      if (said.status >= 400) {
        assert.equal(said.headers['content-type'], 'application/problem+json');
        assert.ok(said.error !== undefined && said.headers['dauth-request-id'] !== undefined);
        assert.deepEqual(arrived(), []);
      }
    });
  }

  proves('dispatch.bound', 'a caller that waits for leave gets none where it is refused', async () => {
    const path = address(PATH);
    const lines = [
      `POST ${path} HTTP/1.1`,
      'Host: executor',
      'Authorization: DPoP x',
      'DPoP: x',
      'Expect: 100-continue',
    ];
    const said = await siege.send(`${[...lines, 'Content-Length: 5', 'Connection: close'].join('\r\n')}\r\n\r\n`);
    assert.deepEqual(statuses(said), ['401']);
  });

  test('what was oversized or wrong leaves the executor serving', assertAlive);

  test('requests that never end hold nobody up, and end', async () => {
    const pass = await siege.pass('POST', address(PATH));
    const begun = `POST ${address(PATH)} HTTP/1.1\r\nHost: executor\r\n`;
    const sockets: Socket[] = [];
    const slow = (octets: string): void => {
      const { hostname, port } = new URL(siege.stack.ready.executor);
      const socket = connect(Number(port), hostname, () => socket.write(octets, 'latin1'));
      sockets.push(socket.on('error', () => undefined).resume());
    };
    for (let at = 0; at < 50; at++) {
      slow('');
      slow(begun.slice(0, 9 + at));
      slow(`${begun}${pass.join('\r\n').slice(0, 40 * at)}`);
    }
    const dripping = setInterval(() => sockets.forEach((socket) => socket.writable && socket.write('X')), 2_000);
    try {
      await sleep(500);
      await assertAlive();
      await Promise.all(sockets.map(async (socket) => socket.closed || once(socket, 'close')));
      await assertAlive();
    } finally {
      clearInterval(dripping);
      for (const socket of sockets) socket.destroy();
    }
  });
});
