/**
 * Whoever owns an upstream, or may choose what one echoes, wants the credential back through the executor, or answers what two
 * readers read differently (SECURITY.md, attacker 5). Whatever comes back of it is searched in every spelling we know, and what
 * was answered to one call is never there for the next one.
 */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { proves } from '../../claims.ts';
import { findSecret } from '../../support/encodings.ts';
import { laySiege, type Said, type Siege } from './siege.ts';
import { OK, type Answer } from './upstream.ts';

const percent = (text: string, digits = (hex: string): string => hex): string =>
  text.replaceAll(/./gs, (c) => `%${digits(c.charCodeAt(0).toString(16).padStart(2, '0'))}`);
const upper = (text: string): string => text.toUpperCase();
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const hex = (text: string): string => Buffer.from(text).toString('hex');

/** How an API writes down what it was sent. */
const SPELLINGS: Readonly<Record<string, (secret: string) => string | Buffer>> = {
  'as it is': (secret) => secret,
  'as the header line': (secret) => `authorization: Bearer ${secret}`,
  'in JSON': (secret) => JSON.stringify({ token: secret, nested: [`Bearer ${secret}`] }),
  'in JSON in JSON': (secret) => JSON.stringify({ log: JSON.stringify({ secret }) }),
  'in JSON with every character escaped': (secret) =>
    `"${secret.replaceAll(/./g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`,
  'in JSON with every character escaped in capitals': (secret) =>
    `"${secret.replaceAll(/./g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`)}"`,
  'in HTML as Handlebars writes it': (secret) => secret.replaceAll('=', '&#x3D;'),
  'in HTML as ASP.NET Core writes it': (secret) => secret.replaceAll('+', '&#x2B;'),
  'in HTML as ESAPI writes it': (secret) => secret.replaceAll(/[/+=]/g, (c) => `&#x${c.charCodeAt(0).toString(16)};`),
  'in JSON as .NET writes it': (secret) => `"${secret.replaceAll('+', '\\u002B')}"`,
  'in JSON as PHP writes it': (secret) => `"${secret.replaceAll('/', '\\/')}"`,
  'percent-encoded': (secret) => percent(secret),
  'percent-encoded in capitals': (secret) => percent(secret, upper),
  'in base64': (secret) => ['', 'x', 'xy'].map((pad) => base64(pad + secret)).join(' '),
  'in base64 of the whole line': (secret) => base64(`authorization: Bearer ${secret}\r\n`),
  'in base64url': (secret) => ['', 'x', 'xy'].map((pad) => Buffer.from(pad + secret).toString('base64url')).join(' '),
  'in hex': (secret) => hex(secret),
  'in hex in capitals': (secret) => upper(hex(secret)),
  'in UTF-16, little end first': (secret) => Buffer.from(secret, 'utf16le'),
  'in UTF-16, big end first': (secret) => Buffer.from(secret, 'utf16le').swap16(),
  'many times': (secret) => secret.repeat(50),
  'cut into itself': (secret) => secret.slice(0, 9) + secret + secret.slice(9),
};

type Carrier = (written: Buffer, secret: string) => string | Buffer;
const sized = (body: Buffer, more = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n${more}content-length: ${body.length}\r\n\r\n`),
    body,
  ]);
const chunks = (body: Buffer, length: number): string => {
  let out = '';
  for (let at = 0; at < body.length; at += length) {
    const piece = body.subarray(at, at + length);
    out += `${piece.length.toString(16)};x=y\r\n${piece.toString('latin1')}\r\n`;
  }
  return `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${out}0\r\n\r\n`;
};

/** Where in an answer it stands. */
const CARRIERS: Readonly<Record<string, Carrier>> = {
  body: (written) => sized(written),
  'chunks of one octet': (written) => chunks(written, 1),
  'chunks of seven octets': (written) => chunks(written, 7),
  gzip: (written) => sized(gzipSync(written), 'content-encoding: gzip\r\n'),
  deflate: (written) => sized(deflateSync(written), 'content-encoding: deflate\r\n'),
  br: (written) => sized(brotliCompressSync(written), 'content-encoding: br\r\n'),
  'raw deflate': (written) => sized(deflateRawSync(written), 'content-encoding: deflate\r\n'),
  'chunks of gzip': (written) => chunks(gzipSync(written), 5).replace('\r\n', '\r\ncontent-encoding: gzip\r\n'),
  'an error': (written) =>
    Buffer.concat([Buffer.from(`HTTP/1.1 500 Oops\r\ncontent-length: ${written.length}\r\n\r\n`), written]),
};
/** The same, for what may stand in a line. */
const LINES: Readonly<Record<string, Carrier>> = {
  'a header': (written) => sized(Buffer.from('x'), `x-seen: ${written.toString('latin1')}\r\n`),
  'a header in two lines': (written) =>
    sized(Buffer.from('x'), `x-a: 1\r\nx-seen: a ${written.toString('latin1')} b\r\nx-z: 1\r\n`),
  'a challenge': (written) =>
    sized(Buffer.from('x'), `www-authenticate: Bearer error="${written.toString('latin1')}"\r\n`).subarray(0),
  'a location': (written) =>
    sized(Buffer.from('x'), `location: https://x.example/?t=${written.toString('latin1')}\r\n`),
  'a cookie': (written) => sized(Buffer.from('x'), `set-cookie: a=${written.toString('latin1')}\r\n`),
  'the reason phrase': (written) => `HTTP/1.1 200 ${written.toString('latin1')}\r\ncontent-length: 0\r\n\r\n`,
  'an early hint': (written) => `HTTP/1.1 103 Early Hints\r\nlink: <${written.toString('latin1')}>\r\n\r\n${OK}`,
  'a trailer': (written) =>
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-seen\r\n\r\n1\r\na\r\n0\r\nx-seen: ${written.toString('latin1')}\r\n\r\n`,
  'a chunk extension': (written) =>
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x="${written.toString('latin1')}"\r\na\r\n0\r\n\r\n`,
  'the name of a header': (_, secret) => sized(Buffer.from('x'), `x-${secret}: 1\r\n`),
};
const IN_A_LINE = /^[\x20-\x7e]{1,4000}$/;

describe('back through the executor', { timeout: 400_000 }, () => {
  let siege: Siege;
  before(async () => {
    siege = await laySiege({ connect: ['--method', 'GET', '--path', '/**'] });
  });
  after(() => siege?.[Symbol.asyncDispose]());

  const asAnswer = (said: string | Buffer): Buffer => (typeof said === 'string' ? Buffer.from(said, 'latin1') : said);

  async function ask(answer: Answer): Promise<readonly Said[]> {
    siege.upstream.answer = answer;
    const sent = siege.upstream.arrived.length;
    const all = [await siege.stream('/x'), await siege.dispatch({ path: '/x' })];
    for (const { headers } of siege.upstream.arrived.slice(sent))
      assert.ok(headers.includes(`authorization: Bearer ${siege.secret}`), 'control: the upstream has it');
    return all;
  }

  function assertClean(said: readonly Said[]): void {
    for (const { octets } of said) {
      assert.deepEqual(findSecret(octets, Buffer.from(siege.secret)), []);
      // A JSON answer of the buffered form is read once more.
      assert.deepEqual(findSecret(octets.toString('latin1').replaceAll('\\\\', '\\'), Buffer.from(siege.secret)), []);
    }
  }

  for (const [spelling, write] of Object.entries(SPELLINGS)) {
    proves('response.clean', `the credential ${spelling} does not come back, wherever the answer has it`, async () => {
      const written = Buffer.from(write(siege.secret));
      for (const [place, carry] of Object.entries(CARRIERS)) {
        const said = await ask(() => asAnswer(carry(written, siege.secret)));
        assertClean(said);
        for (const { octets } of said) {
          assert.equal(octets.includes(written), false, `${place}: as it was written`);
          if (place !== 'an error') assert.ok(octets.includes('****'), `${place}: stars stand in its place`);
        }
      }
      if (!IN_A_LINE.test(written.toString('latin1'))) return;
      for (const [place, carry] of Object.entries(LINES)) {
        const said = await ask(() => asAnswer(carry(written, siege.secret)));
        assertClean(said);
        for (const { octets } of said) assert.equal(octets.includes(written), false, `${place}: as it was written`);
      }
    });
  }

  proves('response.clean', 'in octets a turn apart it does not come back either', async () => {
    const body = Buffer.from(`before ${siege.secret} behind`);
    const said = await ask((_, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
      const next = (at: number): void => {
        if (at === body.length) return;
        socket.write(body.subarray(at, at + 1));
        setImmediate(() => next(at + 1));
      };
      next(0);
      return null;
    });
    assertClean(said);
    assert.equal(said[0]!.body.toString(), `before ${'*'.repeat(siege.secret.length)} behind`);
  });

  const unscannable: Readonly<Record<string, (body: Buffer) => string | Buffer>> = {
    'in br that is cut off': (body) => sized(brotliCompressSync(body).subarray(0, -3), 'content-encoding: br\r\n'),
    'in gzip twice': (body) => sized(gzipSync(gzipSync(body)), 'content-encoding: gzip, gzip\r\n'),
    'in gzip twice, in two headers': (body) =>
      sized(gzipSync(gzipSync(body)), 'content-encoding: gzip\r\ncontent-encoding: gzip\r\n'),
    'in compress': (body) => sized(body, 'content-encoding: compress\r\n'),
    'in what is called gzip': (body) => sized(body, 'content-encoding: gzip\r\n'),
    'in gzip with something behind': (body) =>
      sized(Buffer.concat([gzipSync('a'), body]), 'content-encoding: gzip\r\n'),
    'in gzip that is cut off': (body) => sized(gzipSync(body).subarray(0, -9), 'content-encoding: gzip\r\n'),
    'in a transfer coding': (body) =>
      `HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n${chunks(gzipSync(body), 99).split('\r\n\r\n').slice(1).join('\r\n\r\n')}`,
    'in zstd': (body) => sized(body, 'content-encoding: zstd\r\n'),
    'in a range': (body) =>
      Buffer.concat([
        Buffer.from(`HTTP/1.1 206 Partial\r\ncontent-range: bytes 0-9/99\r\ncontent-length: ${body.length}\r\n\r\n`),
        body,
      ]),
    'in parts of ranges': (body) =>
      Buffer.concat([
        Buffer.from(
          `HTTP/1.1 206 Partial\r\ncontent-type: multipart/byteranges; boundary=x\r\ncontent-length: ${body.length}\r\n\r\n`,
        ),
        body,
      ]),
  };
  for (const [what, carry] of Object.entries(unscannable)) {
    proves('response.clean', `the credential ${what} is refused, or cut off before it`, async () => {
      const said = await ask(() => asAnswer(carry(Buffer.from(siege.secret))));
      assertClean(said);
      const [streamed, buffered] = said;
      assert.equal(buffered!.error, 'RESPONSE_UNSCANNABLE');
      assert.ok(
        streamed!.error === 'RESPONSE_UNSCANNABLE' || !streamed!.octets.toString('latin1').endsWith('0\r\n\r\n'),
      );
    });
  }

  proves('response.clean', 'a bomb is bounded', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1_048_576));
    const [, buffered] = await ask(() => sized(bomb, 'content-encoding: gzip\r\n'));
    assert.ok(['RESPONSE_TOO_LARGE', 'RESPONSE_UNSCANNABLE'].includes(buffered!.error!));
  });

  const { stringify } = JSON;
  /** Answers that are two, or none. What comes behind the first must never be the answer of another call. */
  const CONFUSING: Readonly<Record<string, string>> = {
    'two answers': `${OK}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nPOISON`,
    'an answer behind a 204': 'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nPOISON',
    'an answer behind a 304':
      'HTTP/1.1 304 Not Modified\r\ncontent-length: 6\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nPOISON',
    'a body longer than it says': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}POISON',
    'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 8\r\n\r\n{}POISON',
    'a length and chunks':
      'HTTP/1.1 200 OK\r\ncontent-length: 8\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nPOISON',
    'a switch of protocols':
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nPOISON',
    'HTTP/2': '\0\0\x06\x04\0\0\0\0\0\0\x05\0\0@\0POISON',
    'HTTP/0.9': 'POISON',
    'a status of four digits': 'HTTP/1.1 2000 OK\r\ncontent-length: 6\r\n\r\nPOISON',
    'a head with a bare return': 'HTTP/1.1 200 OK\rx: POISON\r\ncontent-length: 0\r\n\r\n',
    'a folded header': 'HTTP/1.1 200 OK\r\nx: a\r\n POISON\r\ncontent-length: 2\r\n\r\n{}',
    'a chunk with a sign': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-6\r\nPOISON\r\n0\r\n\r\n',
    'a header of ours':
      'HTTP/1.1 200 OK\r\ndauth-error: POISON\r\ndauth-receipt: POISON\r\ncontent-length: 2\r\n\r\n{}',
  };
  for (const [what, octets] of Object.entries(CONFUSING)) {
    proves(['response.clean', 'dispatch.bound'], `${what} from an upstream is no answer to anybody else`, async () => {
      const first = await ask(() => octets);
      for (const { octets: said } of first)
        if (!what.includes('folded')) assert.equal(said.includes('POISON'), false, stringify(said.toString('latin1')));
      siege.upstream.answer = ({ line }) => `HTTP/1.1 200 OK\r\ncontent-length: ${line.length}\r\n\r\n${line}`;
      for (const target of ['/next', '/one-more']) {
        const { body, status } = await siege.stream(target);
        assert.deepEqual([status, body.toString()], [200, `GET ${target} HTTP/1.1`]);
      }
    });
  }

  proves(
    'response.clean',
    'the credential of one connection is not looked for in vain in the answers of another',
    async () => {
      const secret = `other_${siege.secret.slice(4)}`;
      const handle = await siege.seal(secret, ['--method', 'GET', '--path', '/**']);
      siege.upstream.answer = ({ headers }) => sized(Buffer.from(headers.join('\n')));
      for (const [one, value] of [
        [siege.handle, siege.secret],
        [handle, secret],
      ] as const) {
        const said = await siege.stream('/who', { handle: one });
        assert.equal(said.status, 200);
        assert.deepEqual(findSecret(said.octets, Buffer.from(value)), []);
      }
      const last = siege.upstream.arrived.at(-1)!;
      assert.ok(last.headers.includes(`authorization: Bearer ${secret}`), 'control: each went with its own');
    },
  );
});
