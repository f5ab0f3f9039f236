/** The test upstream: strict in front, a working GitHub and Slack behind, hostile where asked, and a true record of its wire. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { gunzipSync, brotliDecompressSync } from 'node:zlib';
import { createCa } from './ca.ts';
import { startUpstream, type Upstream } from './upstream.ts';

const TOKEN = 'ghp_the-expected-token-0123456789';
const SLACK = 'xoxb-the-expected-slack-token-0123';
let upstream: Upstream;
let root: string;

before(async () => {
  const ca = await createCa();
  root = ca.root;
  upstream = await startUpstream({ leaf: await ca.issue(), tokens: { github: TOKEN, slack: SLACK } });
});
after(async () => upstream.stop());

interface Answer {
  readonly message: IncomingMessage;
  readonly body: Buffer;
}

async function call(
  path: string,
  options: { method?: string; token?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { method = 'GET', token = TOKEN, body, headers } = options;
  const request = httpsRequest(`${upstream.origin}${path}`, {
    method,
    ca: root,
    agent: false,
    headers: { authorization: `Bearer ${token}`, 'user-agent': 'test', ...headers },
  });
  request.end(body);
  const [message] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return { message, body: Buffer.concat(chunks) };
}

function jsonOf(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.body.toString()) as Record<string, unknown>;
}

test('GitHub works with the expected token: user, repository, issue written and read', async () => {
  assert.equal(jsonOf(await call('/user')).login, upstream.login);
  const repository = `/repos/${upstream.login}/hello-world`;
  assert.equal(jsonOf(await call(repository)).name, 'hello-world');
  const made = await call(`${repository}/issues`, {
    method: 'POST',
    body: '{"title":"one"}',
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(made.message.statusCode, 201);
  const listed = JSON.parse((await call(`${repository}/issues`)).body.toString()) as { title: string }[];
  assert.deepEqual(
    listed.map((issue) => issue.title),
    ['one'],
  );
});

test('links in GitHub’s answers stay on this origin', async () => {
  assert.ok(String(jsonOf(await call('/user')).url).startsWith(upstream.origin));
});

test('any other token is answered 401, whatever the emulator would have said', async () => {
  for (const token of ['', 'x', `${TOKEN}x`, TOKEN.slice(0, -1), TOKEN.toUpperCase(), 'emulated-github-token', SLACK]) {
    const answer = await call('/user', { token });
    assert.equal(answer.message.statusCode, 401, token);
    assert.equal(jsonOf(answer).message, 'Bad credentials');
  }
});

test('Slack works with its own token only', async () => {
  assert.equal(jsonOf(await call('/api/auth.test', { method: 'POST', token: SLACK })).ok, true);
  assert.equal((await call('/api/auth.test', { method: 'POST', token: TOKEN })).message.statusCode, 401);
});

test('the echo shows the token in each place an answer has', async () => {
  const plain = async (as: string) => (await call(`/echo?as=${as}`)).body.toString();
  assert.match(await plain('body'), new RegExp(`^GET /echo\\?as=body\r\n[\\s\\S]*Bearer ${TOKEN}`));
  assert.match(await plain('json'), new RegExp(TOKEN));
  assert.match(await plain('chunked'), new RegExp(TOKEN));
  assert.equal(await plain('halves'), `Bearer ${TOKEN}`);
  assert.ok((await plain('hex')).includes(Buffer.from(TOKEN).toString('hex')));
  assert.ok((await plain('percent')).includes(`Bearer%20${TOKEN}`));
  assert.equal((await call('/echo?as=reason')).message.statusMessage, `Bearer ${TOKEN}`);
  assert.equal((await call('/echo?as=headers')).message.headers['x-seen'], `Bearer ${TOKEN}`);
  assert.equal((await call('/echo?as=trailers')).message.trailers['x-seen'], `Bearer ${TOKEN}`);
  assert.ok(gunzipSync((await call('/echo?as=gzip')).body).includes(TOKEN));
  assert.ok(gunzipSync(gunzipSync((await call('/echo?as=gzip-twice')).body)).includes(TOKEN));
  assert.ok(brotliDecompressSync((await call('/echo?as=br')).body).includes(TOKEN));
  assert.equal((await call('/echo?as=partial')).message.statusCode, 206);
});

test('an echo of a request body shows it', async () => {
  assert.ok((await call('/echo', { method: 'POST', body: 'sent-in-the-body' })).body.includes('sent-in-the-body'));
});

test('the other hostile routes do what they say', async () => {
  const redirect = await call('/redirect?to=https%3A%2F%2Fevil.example%2F&code=307');
  assert.deepEqual([redirect.message.statusCode, redirect.message.headers.location], [307, 'https://evil.example/']);
  assert.equal((await call('/big?octets=200000')).body.length, 200_000);
  assert.match((await call('/stream?events=3&ms=1')).body.toString(), /id: 0\ndata: \d+\n\nid: 1\n.*\n\nid: 2\n/);
  assert.equal((await call('/slow?ms=20')).body.toString(), 'done');
  assert.equal((await call('/set-cookie')).message.headers['set-cookie']?.length, 2);
  assert.equal((await call('/status?code=503')).message.statusCode, 503);
  await assert.rejects(call('/cut'), { code: 'ECONNRESET' });
  const upload = await call('/upload', { method: 'POST', body: 'x'.repeat(3_000_000) });
  assert.deepEqual(jsonOf(upload), {
    octets: 3_000_000,
    sha256: createHash('sha256').update('x'.repeat(3_000_000)).digest('base64url'),
  });
});

test('the wire is recorded as raw bytes and as parsed requests, and told only to the parent', async () => {
  const mark = `/status?code=200&mark=${Date.now()}`;
  await call(mark, { headers: { 'X-Odd-Case': 'kept' } });
  const { connections, requests } = await upstream.wire();
  const request = requests.find((seen) => seen.target === mark);
  assert.ok(request);
  assert.ok(request.rawHeaders.includes('X-Odd-Case'));
  const connection = connections[request.connection]!;
  assert.ok(connection.raw.toString('latin1').startsWith(`GET ${mark} HTTP/1.1\r\n`));
  assert.equal(connection.servername, 'localhost');
  assert.equal((await call('/wire')).message.statusCode, 404);
});

test('of a large upload the record keeps the beginning and counts the rest', async () => {
  await call('/upload?large', { method: 'POST', body: 'x'.repeat(2_000_000) });
  const { connections, requests } = await upstream.wire();
  const request = requests.find((seen) => seen.target === '/upload?large')!;
  const connection = connections[request.connection]!;
  assert.equal(connection.raw.length, 1_048_576);
  assert.ok(connection.octets > 2_000_000);
});
