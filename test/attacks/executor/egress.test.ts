/**
 * Whoever owns an MCP server wants the credential elsewhere, or for something else (SECURITY.md, attackers 3 and 6). Checked by
 * what reached the upstream's socket, octet for octet, and by who else was dialled.
 */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, describe } from 'node:test';
import { proves } from '../../claims.ts';
import { laySiege, type Siege } from './siege.ts';

const PATHS = ['/user', '/repos/**'].flatMap((path) => ['--path', path]);
const METHODS = ['GET', 'POST'].flatMap((method) => ['--method', method]);

describe('out of the executor', { timeout: 240_000 }, () => {
  let siege: Siege;
  /** Another listener on this machine, which the executor could dial. It only counts who does. */
  let other: Server;
  let dialled = 0;
  before(async () => {
    siege = await laySiege({ connect: [...METHODS, ...PATHS] });
    other = createServer((socket) => {
      dialled++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    other?.close();
    await siege?.[Symbol.asyncDispose]();
  });

  const otherPort = (): number => (other.address() as AddressInfo).port;

  /** Nothing arrives, nobody else is dialled, and the refusal is one of these. */
  async function assertStopped(
    attack: () => Promise<{ readonly error: string | undefined }>,
    codes: readonly string[],
  ) {
    const [sent, elsewhere] = [siege.upstream.arrived.length, dialled];
    const { error } = await attack();
    assert.ok(codes.includes(error ?? 'an answer'), `it was ${error ?? 'let through'}`);
    assert.deepEqual([siege.upstream.arrived.length, dialled], [sent, elsewhere]);
  }

  proves(
    'dispatch.bound',
    'control: an allowed request arrives as it was written, with the credential and one Host',
    async () => {
      const { status, headers } = await siege.stream('/repos/a;b=1/%41?x=%2F&x', { headers: ['X-Trace: 1'] });
      assert.deepEqual([status, headers['dauth-upstream']], [200, '1']);
      const { line, headers: sent, servername } = siege.upstream.arrived.at(-1)!;
      assert.equal(line, 'GET /repos/a;b=1/%41?x=%2F&x HTTP/1.1');
      assert.deepEqual(
        sent.filter((each) => /^host:/i.test(each)),
        [`host: localhost:${siege.upstream.port}`],
      );
      assert.ok(sent.includes(`authorization: Bearer ${siege.secret}`));
      assert.equal(servername, 'localhost');
    },
  );

  const ELSEWHERE = (port: number): readonly string[] => [
    `https://127.0.0.1:${port}`,
    `https://2130706433:${port}`,
    `https://0x7f.1:${port}`,
    `https://0177.0.0.1:${port}`,
    `https://127.1:${port}`,
    `https://[::1]:${port}`,
    `https://[::ffff:127.0.0.1]:${port}`,
    `https://localhost.:${port}`,
    `https://LOCALHOST:${port}`,
    `https://localhost:${port}`,
    `https://localhost:0${port}`,
    `https://user@localhost:${port}`,
    `https://localhost:${port}/`,
    `https://localhost:${port}?`,
    `https://localhost:${port}#@x`,
    `https://localhost:${port}\\@x`,
    `https://localhost:${port} x`,
    `https://localhost%2e:${port}`,
    `https://ⓛocalhost:${port}`,
    `https://localhost。example:${port}`,
    `http://localhost:${port}`,
    `//localhost:${port}`,
    'https://169.254.169.254',
    'https://metadata.google.internal',
    'https://localhost',
    'null',
    '*',
  ];

  proves(
    'dispatch.bound',
    'no spelling of another origin is dialled, in the header or in the buffered form',
    async () => {
      for (const origin of ELSEWHERE(otherPort())) {
        const codes = ['POLICY_DENIED', 'INVALID_REQUEST'];
        await assertStopped(() => siege.dispatch({ path: '/user', origin }), codes);
        const header = `DAuth-Origin: ${Buffer.from(origin).toString('latin1')}`;
        await assertStopped(() => siege.stream('/user', { headers: [header] }), codes);
      }
    },
  );

  proves('dispatch.bound', 'another spelling of the right origin is not the right origin', async () => {
    const { port } = siege.upstream;
    for (const origin of ELSEWHERE(port).filter((each) => each !== `https://localhost:${port}`))
      await assertStopped(() => siege.dispatch({ path: '/user', origin }), ['POLICY_DENIED', 'INVALID_REQUEST']);
  });

  for (const name of [
    'Host',
    'X-Forwarded-Host',
    'X-Forwarded-For',
    'Forwarded',
    'Via',
    'X-Forwarded-Proto',
    'Proxy-Authorization',
    'Proxy-Connection',
    'Keep-Alive',
    'TE',
    'Trailer',
    'Expect',
    'Range',
    'Accept-Encoding',
    'Cookie',
    'DAuth-Receipt',
    'X_Forwarded_Host',
    'Content_Length',
    'Transfer_Encoding',
  ]) {
    proves('dispatch.bound', `a ${name} of the caller does not arrive, from either door`, async () => {
      const marker = 'canary.example';
      const value = name === 'Expect' ? '100-continue' : marker;
      const sent = siege.upstream.arrived.length;
      if (name !== 'Host') await siege.stream('/user', { headers: [`${name}: ${value}`] });
      await siege.dispatch({ path: '/user', headers: { [name]: value } });
      for (const { headers } of siege.upstream.arrived.slice(sent)) {
        assert.equal(headers.join('\n').includes(marker), false);
        const mine = headers.filter((each) => each.toLowerCase().startsWith(`${name.toLowerCase()}:`));
        assert.ok(mine.length <= 1 && mine.every((each) => each !== `${name.toLowerCase()}: ${value}`));
      }
    });
  }

  for (const header of [
    'X-Original-URL: /admin',
    'X-Rewrite-URL: /admin',
    'X-HTTP-Method-Override: DELETE',
    'X-Method-Override: DELETE',
    'X_HTTP_METHOD: PUT',
    'X-Host: evil.example',
    'Destination: /admin',
    'x-amz-copy-source: /b/k',
    'Authorization: Bearer mine',
  ])
    proves('dispatch.bound', `a header that names another place or method is refused: ${header}`, () =>
      assertStopped(() => siege.stream('/user', { headers: [header] }), ['POLICY_DENIED', 'INVALID_REQUEST']),
    );

  proves('dispatch.bound', 'line ends in whatever the buffered form takes end nothing upstream', async () => {
    for (const end of ['\r\n', '\n', '\r', '\u010d\u010a', '\u2028', '\0', '%0d%0a']) {
      const line = `${end}x-smuggled: 1${end}${end}GET /admin HTTP/1.1${end}host: x`;
      for (const request of [
        { path: `/user${line}` },
        { path: `/repos/a?b=${line}` },
        { path: '/user', headers: { 'x-a': `1${line}` } },
        { path: '/user', headers: { [`x-a: 1${line}`]: '1' } },
        { path: '/user', method: `GET /admin HTTP/1.1${end}x` },
        { path: '/user', origin: `${siege.upstream.origin}${line}` },
      ]) {
        const sent = siege.upstream.arrived.length;
        await siege.dispatch(request);
        for (const { line: first, headers } of siege.upstream.arrived.slice(sent)) {
          assert.match(first, /^GET \/(?:user|repos\/)\S* HTTP\/1\.1$/);
          assert.equal(
            headers.some((each) => /^(?:x-smuggled|get )/i.test(each)),
            false,
          );
        }
      }
    }
  });

  for (const status of [300, 301, 302, 303, 305, 307, 308])
    proves('dispatch.bound', `a redirect is handed back and not followed: ${status}`, async () => {
      const to = `https://localhost:${otherPort()}/steal`;
      siege.upstream.answer = () =>
        `HTTP/1.1 ${status} Moved\r\nlocation: ${to}\r\nrefresh: 0; url=${to}\r\ncontent-length: 0\r\n\r\n`;
      const [sent, elsewhere] = [siege.upstream.arrived.length, dialled];
      const said = await siege.stream('/user');
      assert.deepEqual([said.status, said.headers.location], [status, to]);
      assert.deepEqual([siege.upstream.arrived.length, dialled], [sent + 1, elsewhere]);
    });
});
