/** The least that a server on Node with undici could be: it listens, and answers nothing of use. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Pool } from 'undici';

const pool = new Pool('http://127.0.0.1:1');
const server = createServer((_request, response) => void response.writeHead(pool.closed ? 503 : 204).end());
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`${JSON.stringify({ event: 'listening' })}\n`);
