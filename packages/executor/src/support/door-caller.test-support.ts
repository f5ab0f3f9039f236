/** Callers of the executor's door: exactly the headers, or the octets, that a test gives; what came back, read. */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';

export interface Reply {
  readonly status: number;
  /** Lowercase names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Each `set-cookie` by itself. */
  readonly cookies: readonly string[];
  readonly text: string;
  /** The document, where the body is one. */
  readonly json: Record<string, unknown>;
}

/** One request, with exactly these headers. Rejects where the connection ends before the answer does. */
export async function sendTo(
  port: number,
  method: string,
  path: string,
  headers: readonly string[],
  body?: string,
): Promise<Reply> {
  const length = body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))];
  const all = ['Host', 'executor.example', ...headers, ...length];
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers: all, agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve(reply(response.statusCode ?? 0, response.rawHeaders, Buffer.concat(chunks).toString('utf8'))),
      );
    });
    request.end(body);
  });
}

/** Octets on a socket of their own, for what no HTTP client sends. */
export async function sendRawTo(port: number, octets: string): Promise<Reply> {
  const socket = connect(port, '127.0.0.1');
  socket.write(octets, 'latin1');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const [head = '', ...rest] = Buffer.concat(chunks).toString('latin1').split('\r\n\r\n');
  const [line = '', ...lines] = head.split('\r\n');
  const raw = lines.flatMap((header) => [header.slice(0, header.indexOf(':')), header.split(': ').slice(1).join(': ')]);
  return reply(Number(line.split(' ')[1]), raw, rest.join('\r\n\r\n'));
}

function reply(status: number, raw: readonly string[], text: string): Reply {
  const headers: Record<string, string> = {};
  for (let i = 0; i < raw.length; i += 2) headers[raw[i]!.toLowerCase()] = raw[i + 1]!;
  const isJson = /json/.test(headers['content-type'] ?? '');
  const cookies = raw.flatMap((name, at) =>
    at % 2 === 0 && name.toLowerCase() === 'set-cookie' ? [raw[at + 1]!] : [],
  );
  return { status, headers, cookies, text, json: isJson && text !== '' ? (JSON.parse(text) as Reply['json']) : {} };
}
