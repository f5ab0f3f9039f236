/** The test certificate authority and the recording hop, over real TLS connections. */
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { createServer, get } from 'node:https';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCa, writeCa } from './ca.ts';
import { makeTempDir } from './process.ts';
import { startRecorder } from './recorder.ts';

const SECRET = Buffer.from('a-secret-that-travels-0123456789');

async function fetchText(port: number, ca: string, host = 'localhost'): Promise<string> {
  const request = get({
    host: '127.0.0.1',
    servername: host,
    port,
    ca,
    headers: { host, authorization: `Bearer ${SECRET.toString()}` },
    agent: false,
  });
  const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('a leaf is trusted for its names by who trusts the root, and by nobody else', async () => {
  const ca = await createCa();
  const other = await createCa();
  const server = createServer(await ca.issue(['api.example', 'localhost']), (_request, response) => response.end('ok'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  assert.equal(await fetchText(port, ca.root), 'ok');
  assert.equal(await fetchText(port, ca.root, 'api.example'), 'ok');
  await assert.rejects(fetchText(port, other.root), /certificate|issuer/i);
  await assert.rejects(fetchText(port, ca.root, 'evil.example'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  server.close();
});

test('the files are PEM and the key is for its owner only', async () => {
  await using directory = await makeTempDir();
  const files = await writeCa(join(directory.path, 'ca'));
  assert.match(await readFile(files.root, 'utf8'), /^-----BEGIN CERTIFICATE-----/);
  assert.equal((await stat(files.key)).mode & 0o777, 0o600);
});

test('a recorder between two TLS connections sees both directions as plaintext and changes neither', async () => {
  const ca = await createCa();
  const leaf = await ca.issue();
  const server = createServer(leaf, (request, response) => response.end(`seen ${request.headers.authorization}`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await using recorder = await startRecorder({ leaf, target: { host: 'localhost', port, ca: ca.root } });
  assert.equal(await fetchText(recorder.port, ca.root), `seen Bearer ${SECRET.toString()}`);
  assert.deepEqual(recorder.sightings(SECRET), ['toServer utf-8', 'toClient utf-8']);
  assert.deepEqual(recorder.sightings(Buffer.from('another-secret-0123456789')), []);
  assert.match(recorder.connections[0]!.toServer().toString(), /^GET \/ HTTP\/1\.1\r\n/);
  assert.match(recorder.connections[0]!.toClient().toString(), /^HTTP\/1\.1 200 OK\r\n/);
  server.closeAllConnections();
  server.close();
});

test('a recorder whose target is gone cuts its caller off', async () => {
  await using recorder = await startRecorder({ target: { host: '127.0.0.1', port: 1 } });
  const socket = connect(recorder.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'close');
  assert.deepEqual(recorder.connections[0]!.toClient(), Buffer.alloc(0));
});
