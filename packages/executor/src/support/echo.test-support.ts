/** What an upstream says that gives back what it was sent. Only for the proofs of `memory.clean`. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import type { WebSocket } from 'ws';

/** By name: its content encoding and how to encode. Stored blocks hold the body as it is. */
export const CODERS: Readonly<Record<string, { coding: string; encode: (body: string) => Buffer }>> = {
  gzip: { coding: 'gzip', encode: gzipSync },
  deflate: { coding: 'deflate', encode: deflateSync },
  // As servers do on the way; its best takes a second for the largest of the bodies.
  br: {
    coding: 'br',
    encode: (body) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  },
  stored: { coding: 'deflate', encode: (body) => deflateSync(body, { level: 0 }) },
};

/** As hard to compress as a credential, in other letters: eight hex digits of one are found by chance in megabytes of them. */
export function pad(length: number): string {
  // 16 letters from `g`: half an octet of chance for each.
  return Buffer.from(randomBytes(length).map((octet) => 0x67 + (octet & 0x0f))).toString('latin1');
}

/** In the body, in the head, at the end, in pieces or encoded, as the query says. */
export function echo(request: IncomingMessage, response: ServerResponse): void {
  const how = new URL(request.url!, 'http://x').searchParams;
  const echoed = how.get('echo') ?? '';
  const sent: Buffer[] = [];
  request.on('data', (chunk: Buffer) => sent.push(chunk));
  request.on('end', () => {
    const { authorization, cookie } = request.headers;
    const secret = authorization ?? cookie ?? (sent.length > 0 ? Buffer.concat(sent).toString() : request.url!);
    if (echoed === 'reason') response.writeHead(200, secret);
    if (echoed === 'head')
      response.writeHead(200, {
        'x-echo': secret,
        'keep-alive': secret,
        'x-b64': Buffer.from(secret).toString('base64'),
      });
    const size = Number(how.get('size') ?? '3000');
    const text = JSON.stringify({
      pad: pad(size / 2),
      secret,
      more: pad(size / 2),
      last: secret,
    });
    const body = echoed === 'body' ? text : echoed === 'end' ? `${'.'.repeat(size)}${secret}` : 'quiet';
    const coder = CODERS[how.get('coding') ?? ''];
    const bytes = coder?.encode(body) ?? Buffer.from(body);
    // Counted, not in chunks: their last empty line, come together with the head, is taken for its end, and what a stored
    // block echoes before it would be starred out under the encoding, which is refused.
    if (coder !== undefined)
      response.writeHead(200, { 'content-encoding': coder.coding, 'content-length': bytes.length });
    if (how.has('split')) {
      const middle = coder === undefined ? bytes.indexOf('secret') + 40 : bytes.length >> 1;
      response.write(bytes.subarray(0, middle));
      setTimeout(() => response.end(bytes.subarray(middle)), 5);
    } else response.end(bytes);
  });
}

/** Answers whatever comes with what it was sent, in text, in octets, in fragments and as the reason of its close. */
export function echoFrames(socket: WebSocket, { url = '', headers }: IncomingMessage): void {
  const secret = headers.authorization ?? headers.cookie ?? url;
  const isEcho = url.includes('echo');
  socket.on('error', () => undefined);
  if (url.includes('early')) socket.send(secret);
  socket.on('message', () => {
    if (!isEcho) return socket.close(1000, 'quiet');
    socket.send(`${pad(1_500)}${secret}${pad(1_500)}`);
    socket.send(Buffer.from(Buffer.from(secret).toString('base64')));
    const middle = secret.length >> 1;
    socket.send(pad(40_000) + secret.slice(0, middle), { fin: false });
    socket.ping(secret.slice(0, 100));
    socket.send(secret.slice(middle), { fin: true });
    socket.close(4000, secret.slice(-100));
  });
}
