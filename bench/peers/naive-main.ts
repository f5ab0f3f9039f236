/**
 * A naive proxy as a process: adds a header, calls with undici's `request` over sockets that stay open, and pipes the answer.
 * Where to and with what comes on stdin. Checks nothing and keeps nothing.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { Pool } from 'undici';
import type { Place } from '../stage/upstream.ts';

const [line] = (await once(createInterface({ input: process.stdin }), 'line')) as [string];
const { origin, ca, credential } = JSON.parse(line) as Place;
const { host } = new URL(origin);
const pool = new Pool(origin, { connections: 64, connect: { ca } });

const server = createServer((request, response) => void forward(request, response));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
process.stdout.write(`${JSON.stringify({ event: 'listening', port })}\n`);

async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { statusCode, headers, body } = await pool.request({
      method: request.method as 'GET',
      path: request.url!,
      headers: { ...request.headers, host, authorization: `Bearer ${credential}` },
      body: request.method === 'GET' ? null : request,
    });
    response.writeHead(statusCode, headers);
    await pipeline(body, response);
  } catch {
    response.destroy();
  }
}
