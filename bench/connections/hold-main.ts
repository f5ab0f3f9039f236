/**
 * Whoever holds connections and asks for nothing, as a process of its own: opens so many, has each answer one request, and keeps them.
 * Commands come on stdin, a line of JSON each: how many there are to be from now on. It says when there are.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface Hold {
  /** Of the command; its answer has it too. */
  readonly id: number;
  readonly port: number;
  readonly count: number;
}

const REQUEST = 'GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
/** Opened at a time: a queue of connections that nobody accepts yet is short. */
const AT_ONCE = 100;
const held: Socket[] = [];
let lost = 0;

process.stdout.write(`${JSON.stringify({ event: 'listening' })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const { id, port, count } = JSON.parse(line) as Hold;
  while (held.length < count) {
    const more = Math.min(AT_ONCE, count - held.length);
    held.push(...(await Promise.all(Array.from({ length: more }, () => open(port)))));
  }
  for (const socket of held.splice(count)) {
    socket.removeAllListeners('close');
    socket.destroy();
  }
  process.stdout.write(`${JSON.stringify({ id, lost })}\n`);
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(REQUEST);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (!answer.toString('latin1').startsWith('HTTP/1.1 200 ')) throw new Error(answer.toString('latin1'));
  socket.on('close', () => lost++).on('error', () => undefined);
  return socket;
}
