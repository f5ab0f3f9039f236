/** Bodies in signed pieces as they reach an upstream that recomputes each signature: whole dispatches, real TLS. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { openPieces, verifyAws } from '../support/aws.test-support.ts';
import { headerOf, SigningUpstream } from '../support/signing.test-support.ts';

const FIELDS = { id: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const TEXT = ['Content-Type', 'text/plain'];

let upstream: SigningUpstream;
before(async () => {
  upstream = await SigningUpstream.open();
  upstream.isValid = (request) =>
    verifyAws(request, FIELDS.secret).valid && openPieces(request, FIELDS.secret) !== null;
});
after(() => upstream[Symbol.asyncDispose]());

function connected(secret = FIELDS.secret) {
  const names = { scheme: 'aws_sigv4', region: 'eu-west-1', service: 's3', access_key: '{id}', secret_key: '{secret}' };
  return upstream.connect([{ ...names, payload: 'chunks' }], { ...FIELDS, secret });
}

for (const size of [1, 65_536, 65_537, 300_000]) {
  test(`[dispatch.bound] an upstream that recomputes each signature takes a streaming body of ${size} octets`, async () => {
    await using at = await connected();
    const body = `0;chunk-signature=\r\n${randomBytes(size).toString('hex')}`.slice(-size);
    const { status } = await at.stream('/bucket/key', { method: 'PUT', body, headers: TEXT });
    const came = upstream.seen[0]!;
    assert.equal(status, 200);
    assert.equal(openPieces(came, FIELDS.secret)!.toString(), body);
    assert.equal(headerOf(came, 'content-length'), String(came.body.length));
    const { signed, payload } = verifyAws(came, FIELDS.secret);
    assert.equal(payload, 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD');
    for (const name of ['content-encoding', 'x-amz-content-sha256', 'x-amz-decoded-content-length'])
      assert.ok(signed.includes(name), name);
  });
}

test('[dispatch.bound] an upstream refuses pieces that another secret signed', async () => {
  await using at = await connected(`${FIELDS.secret}x`);
  const { status } = await at.stream('/bucket/key', { method: 'PUT', body: 'text', headers: TEXT });
  assert.equal(status, 403);
});

test('[dispatch.bound] each octet, each piece and their order are signed', async () => {
  await using at = await connected();
  await at.stream('/bucket/key', { method: 'PUT', body: 'x'.repeat(140_000), headers: TEXT });
  const came = upstream.seen[0]!;
  const [first, second] = [came.body.subarray(0, 65_626), came.body.subarray(65_626, 131_252)];
  const rest = came.body.subarray(131_252);
  const bent = Buffer.from(came.body);
  bent[70_000]! ^= 1;
  for (const body of [
    bent,
    Buffer.concat([second, first, rest]),
    Buffer.concat([first, rest]),
    Buffer.concat([first, second]),
  ])
    assert.equal(openPieces({ ...came, body }, FIELDS.secret), null);
  assert.notEqual(openPieces(came, FIELDS.secret), null);
});

test('[dispatch.bound] the coding of the caller comes first, and pieces of its own are refused before anything is opened', async () => {
  await using at = await connected();
  const gzip = [...TEXT, 'Content-Encoding', 'gzip'];
  assert.equal((await at.stream('/bucket/key', { method: 'PUT', body: 'text', headers: gzip })).status, 200);
  assert.equal(headerOf(upstream.seen[0]!, 'content-encoding'), 'gzip,aws-chunked');
  const { opened } = at.world;
  const pieces = [...TEXT, 'Content-Encoding', 'AWS-chunked'];
  const { json } = await at.stream('/bucket/key', { method: 'PUT', body: 'text', headers: pieces });
  assert.deepEqual([json.code, at.world.opened, upstream.seen.length], ['POLICY_DENIED', opened, 1]);
});

test('[dispatch.bound] a body that is there whole, or whose length nobody said, is signed by its hash', async () => {
  await using at = await connected();
  const hash = '982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1';
  upstream.isValid = (request) => verifyAws(request, FIELDS.secret).valid;
  const whole = await at.call({ method: 'PUT', body: 'text' });
  assert.equal(whole.response?.status, 200);
  const path = `/connections/${at.handle}/bucket/key`;
  const own = ['Host', 'executor.example', 'Transfer-Encoding', 'chunked', ...TEXT];
  const headers = [...at.world.headers('PUT', path, at.token()), ...own];
  const request = httpRequest({ host: '127.0.0.1', port: at.world.port, method: 'PUT', path, headers, agent: false });
  request.end('text');
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  assert.equal(response.statusCode, 200);
  for (const came of upstream.seen)
    assert.deepEqual([verifyAws(came, FIELDS.secret).payload, came.body.toString()], [hash, 'text']);
  assert.equal(upstream.seen.length, 2);
});
