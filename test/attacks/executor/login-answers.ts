/**
 * Answers to a login, as whoever owns the API may write them: framed, coded, cut, repeated and led elsewhere as HTTP lets one. By
 * name, each with the token that it gives away. Data only.
 */
import type { TLSSocket } from 'node:tls';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { OK } from './upstream.ts';

/** The login's answer as it should be. */
export const right = (token: string, more: object = {}): string =>
  JSON.stringify({ auth: { token }, ...more, name: 'Ada' });
export const sized = (body: string | Buffer, more: readonly string[] = [], status = '200 OK'): Buffer => {
  const octets = Buffer.from(body as string);
  const lines = [`HTTP/1.1 ${status}`, ...more, `content-length: ${octets.length}`];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), octets]);
};
const chunk = (piece: Buffer, extension = ''): Buffer =>
  Buffer.concat([Buffer.from(`${piece.length.toString(16)}${extension}\r\n`), piece, Buffer.from('\r\n')]);
const chunked = (
  body: string | Buffer,
  length: number,
  more: readonly string[] = [],
  last = '0\r\n\r\n',
  status = '200 OK',
): Buffer => {
  const octets = Buffer.from(body as string);
  const pieces: Buffer[] = [];
  for (let at = 0; at < octets.length; at += length) pieces.push(chunk(octets.subarray(at, at + length)));
  const lines = [`HTTP/1.1 ${status}`, ...more, 'transfer-encoding: chunked'];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), ...pieces, Buffer.from(last)]);
};
const coded = (coding: string, body: Buffer): Buffer => sized(body, [`content-encoding: ${coding}`]);
export const escaped = (text: string): string =>
  text.replaceAll(/./g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
/** Octet by octet, each in a TLS record of its own. */
const dripped = (octets: Buffer, socket: TLSSocket): null => {
  socket.setNoDelay(true);
  const next = (at: number): void => {
    if (at < octets.length && !socket.destroyed) socket.write(octets.subarray(at, at + 1), () => next(at + 1));
  };
  next(0);
  return null;
};
const ended = (octets: string | Buffer, socket: TLSSocket): null => {
  socket.end(octets);
  return null;
};

export type Login = (token: string, socket: TLSSocket) => string | Buffer | null;

/** Answers out of which the token is taken. */
export const CAPTURED: Readonly<Record<string, Login>> = {
  'as it should': (token) => sized(right(token), ['content-type: application/json']),
  'in chunks of one octet': (token) => chunked(right(token), 1),
  'in chunks that split the token': (token) => chunked(right(token), 9),
  'octet by octet': (token, socket) => dripped(sized(right(token)), socket),
  'until it hangs up': (token, socket) => ended(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${right(token)}`, socket),
  'in gzip': (token) => coded('gzip', gzipSync(right(token))),
  'in x-gzip': (token) => coded('x-gzip', gzipSync(right(token))),
  'in deflate': (token) => coded('deflate', deflateSync(right(token))),
  'in raw deflate': (token) => coded('deflate', deflateRawSync(right(token))),
  'in br': (token) => coded('br', brotliCompressSync(right(token))),
  'in chunks of gzip': (token) => chunked(gzipSync(right(token)), 3, ['content-encoding: gzip']),
  'as a page': (token) => sized(right(token), ['content-type: text/html']),
  'as UTF-16 that it is not': (token) => sized(right(token), ['content-type: application/json; charset=utf-16']),
  'as a stream of events': (token) => sized(right(token), ['content-type: text/event-stream']),
  'as a download': (token) => sized(right(token), [`content-disposition: attachment; filename="${token}.json"`]),
  'with 201': (token) => sized(right(token), [`location: /sessions/${encodeURIComponent(token)}`], '201 Created'),
  'with the token in headers': (token) =>
    sized(right(token), [`x-auth-token: ${token}`, `authorization: Bearer ${token}`, `etag: "${token}"`]),
  'with the token in a cookie': (token) => sized(right(token), [`set-cookie: s=${token}; Secure`]),
  'with the token as the name of a header': (token) =>
    sized(right(token), [`x-${Buffer.from(token).toString('hex')}: 1`]),
  'with the token in the reason': (token) => sized(right(token), [], `200 ${token}`),
  'with the token in an early hint': (token) =>
    Buffer.concat([Buffer.from(`HTTP/1.1 103 Early Hints\r\nlink: <${token}>\r\n\r\n`), sized(right(token))]),
  'with the token in a processing': (token) =>
    Buffer.concat([Buffer.from(`HTTP/1.1 102 ${token}\r\nx-t: ${token}\r\n\r\n`), sized(right(token))]),
  'with the token in trailers': (token) =>
    chunked(right(token), 7, ['trailer: x-auth-token'], `0\r\nx-auth-token: ${token}\r\n\r\n`),
  'with the token in an extension of a chunk': (token) => {
    const head = Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    return Buffer.concat([head, chunk(Buffer.from(right(token)), `;t="${token}"`), Buffer.from('0\r\n\r\n')]);
  },
  'with the token in escapes': (token) => sized(right(token).replace(token, escaped(token))),
  'with the token once more': (token) => sized(right(token, { again: token, more: [`Bearer ${token}`] })),
  'with the token once more, in escapes': (token) =>
    sized(right(token, { again: '?' }).replace('"?"', `"${escaped(token)}"`)),
  'with the token in other writings': (token) => {
    const octets = Buffer.from(token);
    const forms = [
      octets.toString('base64url'),
      octets.toString('hex'),
      encodeURIComponent(token),
      JSON.stringify({ token }),
    ];
    return sized(right(token, { forms, [token]: octets.toString('base64') }));
  },
};

/** Answers of which nothing goes back. */
export const REFUSED: Readonly<Record<string, Login>> = {
  'in UTF-16': (token) => sized(Buffer.from(right(token), 'utf16le')),
  'in UTF-16 with its mark': (token) => sized(Buffer.from(`\ufeff${right(token)}`, 'utf16le').swap16()),
  'behind a byte order mark': (token) => sized(`\ufeff${right(token)}`),
  'as lines of JSON': (token) => sized(`{}\n${right(token)}\n`),
  twice: (token) => sized(`${right(token)}\n${right(token)}`),
  'as an event': (token) => sized(`data: ${right(token)}\n\n`, ['content-type: text/event-stream']),
  'behind what hinders scripts': (token) => sized(`)]}',\n${right(token)}`),
  'as JSON in a text': (token) => sized(JSON.stringify(right(token))),
  'in a coding that nobody knows': (token) => coded('aes128gcm', Buffer.from(right(token))),
  'in two codings': (token) => coded('gzip, gzip', gzipSync(gzipSync(right(token)))),
  'in gzip that it is not': (token) => coded('gzip', Buffer.from(right(token))),
  'in half of gzip': (token) => coded('gzip', gzipSync(right(token)).subarray(0, -12)),
  'in gzip with more behind it': (token) => coded('gzip', Buffer.concat([gzipSync(right(token)), Buffer.from(token)])),
  'in gzip of another sum': (token) => {
    const octets = gzipSync(right(token));
    return coded('gzip', octets.fill(octets.at(-8)! ^ 1, octets.length - 8, octets.length - 7));
  },
  'in a bomb': (token) => coded('gzip', gzipSync(`${' '.repeat(20 * 1_048_576)}${right(token)}`)),
  'at length': (token) => sized(right(token, { pad: 'x'.repeat(140_000) })),
  'without end': (token, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n`);
    socket.write(chunk(Buffer.from(right(token).slice(0, -1))));
    const blanks = chunk(Buffer.alloc(16_384, ' '));
    const more = (): void => void (socket.destroyed || socket.write(blanks, () => setImmediate(more)));
    more();
    return null;
  },
  'cut off before its length': (token, socket) =>
    ended(
      Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n'), Buffer.from(right(token))]),
      socket,
    ),
  'cut off before its last chunk': (token, socket) => ended(chunked(right(token), 50, [], ''), socket),
  'with a chunk of no number': (token) => chunked(right(token), 900, [], `${token}\r\n\r\n`),
  'with two lengths': (token) => sized(right(token), ['content-length: 3']),
  'with a length beside chunks': (token) => chunked(right(token), 50, ['content-length: 3']),
  'with a head without end': (token) =>
    `HTTP/1.1 200 OK\r\n${`x-auth-token: ${token}\r\n`.repeat(2_000)}content-length: 2\r\n\r\n{}`,
  'behind a thousand hints': (token) => `${`HTTP/1.1 103 Hint\r\nlink: <${token}>\r\n\r\n`.repeat(1_000)}${OK}`,
  'in another protocol': (token) => `HTTP/1.1 101 Go On\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n${right(token)}`,
  'in no protocol': (token) => `HTTP/9.9 ${token}\r\n\r\n${right(token)}`,
  'with a part': (token) => sized(right(token), ['content-range: bytes 0-9/10'], '206 Partial Content'),
  'with nothing': () => 'HTTP/1.1 204 No Content\r\n\r\n',
  'by hanging up': (_, socket) => ended('', socket),
  ...Object.fromEntries(
    [300, 301, 302, 303, 304, 307, 308, 399].map((status): [string, Login] => [
      `with ${status}`,
      (token) => {
        const to = [`location: /#access_token=${token}`, `refresh: 0; url=/?t=${token}`];
        return status === 304 ? `HTTP/1.1 304 x\r\n${to.join('\r\n')}\r\n\r\n` : sized(right(token), to, `${status} x`);
      },
    ]),
  ),
};

const NO = '401 Unauthorized';
const no = (body: string | Buffer, more: readonly string[] = []): Buffer => sized(body, more, NO);

/** Answers that say no, and have the token all the same: of each the status goes back. */
export const SAYS_NO: Readonly<Record<string, Login>> = {
  'as it should say yes': (token) => no(right(token), ['content-type: application/json']),
  'in UTF-16': (token) => no(Buffer.from(right(token), 'utf16le'), ['content-type: application/json; charset=utf-16']),
  'behind two byte order marks': (token) => no(`\ufeff\ufeff${right(token)}`),
  'as a script': (token) => no(`callback(${right(token)})`, ['content-type: application/javascript']),
  'as a form': (token) => no(`access_token=${encodeURIComponent(token)}`),
  'as lines of JSON': (token) => no(`{}\n${right(token)}\n`, ['content-type: application/x-ndjson']),
  'as a text': (token) => no(`Still logged in: ${token}`, ['content-type: text/plain']),
  'as a page': (token) => no(`<h1>No</h1><!-- ${token} -->`, ['content-type: text/html']),
  'as JSON in a text': (token) => no(JSON.stringify({ error: right(token) })),
  'in gzip': (token) => no(gzipSync(`t=${token}`), ['content-encoding: gzip']),
  'in br': (token) => no(brotliCompressSync(right(token)), ['content-encoding: br']),
  'in chunks that split the token': (token) => chunked(right(token), 9, [], undefined, NO),
  'octet by octet': (token, socket) => dripped(no(right(token)), socket),
  'until it hangs up': (token, socket) => ended(`HTTP/1.1 ${NO}\r\nconnection: close\r\n\r\n${right(token)}`, socket),
  'with the token in trailers': (token) =>
    chunked('no', 1, ['trailer: x-auth-token'], `0\r\nx-auth-token: ${token}\r\n\r\n`, NO),
  'with the token in an early hint': (token) =>
    Buffer.concat([Buffer.from(`HTTP/1.1 103 Early Hints\r\nlink: <${token}>\r\n\r\n`), no('no')]),
  'with the token in the reason': (token) => sized('no', [], `401 ${token}`),
  'with the token in headers': (token) =>
    no(
      'no',
      ['content-type', 'content-language', 'retry-after', 'x-auth-token'].map((name) => `${name}: ${token}`),
    ),
  'with the token in a cookie': (token) => no('no', [`set-cookie: s=${token}; Secure`]),
  'with the token in a challenge': (token) => no('no', [`www-authenticate: Bearer nonce="${token}"`]),
  'with 599': (token) => sized(right(token), [], '599 No'),
};
