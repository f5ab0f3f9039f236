/** Signed requests as they reach an upstream that recomputes the signature: whole dispatches, real TLS, the executor's clock. */
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { deriveAwsKeys, verifyAws, type SignedRequest } from '../support/aws.test-support.ts';
import { detail, World } from '../support/room.test-support.ts';
import { serveHttps, TestCa, type TestServer } from '../support/upstreams.test-support.ts';
import { createUpstream } from './upstream.ts';

const FIELDS = {
  id: 'AKIDEXAMPLE',
  secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  session: 'session-token/with+signs==',
};
const AT = Date.parse('2026-11-18T20:26:40Z');

let ca: TestCa;
let server: TestServer;
let seen: SignedRequest[] = [];
/** What the upstream knows the key as. */
let known = FIELDS.secret;
let answer: (request: SignedRequest) => string | Buffer = () => 'ok';

before(async () => {
  ca = await TestCa.create();
  server = await serveHttps(await ca.issue([{ type: 'dns', value: 'localhost' }]), serve);
});
after(() => server[Symbol.asyncDispose]());

function serve(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { rawHeaders: raw, method, url } = request;
    const headers = raw.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), raw[i + 1]!] as const] : []));
    const came = { method: method!, target: url!, headers, body: Buffer.concat(chunks) };
    seen.push(came);
    response.writeHead(verifyAws(came, known).valid ? 200 : 403, { 'content-type': 'text/plain' });
    response.end(answer(came));
  });
}

/** An executor with a connection that signs, for any path of the upstream. */
async function connected(scheme: object = {}, fields: Readonly<Record<string, string>> = FIELDS) {
  [seen, known, answer] = [[], FIELDS.secret, () => 'ok'];
  const world = await World.open({
    ...{ atMs: AT, fields },
    upstream: (nowMs) => createUpstream({ ca: [ca.pem], dangerouslyAllowLoopback: true, nowMs }),
  });
  const names = {
    access_key: '{id}',
    secret_key: '{secret}',
    session_token: '{session}',
    region: 'eu-west-1',
    service: 's3',
  };
  const allow = [{ origin: server.origin, methods: ['GET', 'PUT', 'POST'], paths: ['/bucket/**'] }];
  const handle = await world.connect({ allow, inject: [{ scheme: 'aws_sigv4', ...names, ...scheme }] });
  const actions = ['GET /**', 'PUT /**', 'POST /**'];
  const token = (): string =>
    world.token(handle, { authorization_details: [detail(handle, { locations: [server.origin], actions })] });
  return {
    world,
    call: (request: object) => world.dispatch(handle, { path: '/bucket/key', ...request }, token()),
    stream: (target: string, more: object) => world.stream(handle, target, { token: token(), ...more }),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

const header = (name: string): string | undefined => seen[0]?.headers.find(([other]) => other === name)?.[1];

for (const [name, scheme, request] of [
  ['in headers, to S3', {}, { path: '/bucket/a%20key%2B?versionId=x+y&acl', headers: { 'x-amz-acl': 'private' } }],
  [
    'in headers, with a body',
    { service: 'dynamodb' },
    { method: 'POST', body: { Key: 'ä' }, headers: { 'x-amz-target': 'T' } },
  ],
  [
    'in headers, to an API',
    { service: 'execute-api' },
    { path: '/bucket/a%20b/c=d?z=1&a=2&a=1', headers: { accept: 'x   y' } },
  ],
  ['in the query', { service: 'execute-api', place: 'query' }, { path: '/bucket/key?b=2' }],
  ['in the query, to S3', { place: 'query' }, { method: 'PUT', path: '/bucket/key', body: 'text' }],
] as const) {
  test(`[dispatch.bound] an upstream that recomputes it takes a signature ${name}`, async () => {
    await using at = await connected(scheme);
    const { json } = await at.call(request);
    const { status, body } = json.response as { status: number; body: string };
    assert.deepEqual([status, body], [200, 'ok']);
    const inQuery = 'place' in scheme;
    assert.match(inQuery ? seen[0]!.target : header('authorization')!, /eu-west-1/);
    assert.equal(inQuery ? /X-Amz-Date=([^&]+)/.exec(seen[0]!.target)?.[1] : header('x-amz-date'), '20261118T202640Z');
    const { signed } = verifyAws(seen[0]!, known);
    assert.ok(signed.includes('host') && (inQuery || signed.includes('x-amz-security-token')));
  });
}

test('[dispatch.bound] an upstream refuses what another secret signed', async () => {
  await using at = await connected({}, { ...FIELDS, secret: `${FIELDS.secret}x` });
  const { json } = await at.call({});
  assert.equal((json.response as { status: number }).status, 403);
});

test('[dispatch.bound] what goes upstream is what was signed: each octet counts', async () => {
  await using at = await connected({ service: 'execute-api' });
  await at.call({ method: 'POST', path: '/bucket/key?a=1', body: 'text', headers: { 'x-amz-acl': 'private' } });
  const came = seen[0]!;
  const altered: readonly Partial<SignedRequest>[] = [
    { method: 'PUT' },
    { target: '/bucket/kez?a=1' },
    { target: '/bucket/key?a=2' },
    { body: Buffer.from('texT') },
    ...['host', 'x-amz-date', 'x-amz-acl', 'x-amz-security-token'].map((altering) => ({
      headers: came.headers.map(([name, value]) => [name, name === altering ? `${value}1` : value] as const),
    })),
  ];
  assert.equal(verifyAws(came, known).valid, true);
  for (const change of altered)
    assert.equal(verifyAws({ ...came, ...change }, known).valid, false, JSON.stringify(change));
});

test('[dispatch.bound] a body that streams is signed whole, but for S3 over TLS', async () => {
  for (const [service, payload] of [
    ['s3', 'UNSIGNED-PAYLOAD'],
    ['execute-api', '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881'],
  ] as const) {
    await using at = await connected({ service });
    const { status } = await at.stream('/bucket/key', {
      method: 'PUT',
      body: 'x',
      headers: ['Content-Type', 'text/plain'],
    });
    assert.deepEqual([status, seen[0]!.body.toString(), verifyAws(seen[0]!, known).payload], [200, 'x', payload]);
  }
});

test('[dispatch.bound] a body too large to be signed is refused before anything is opened or recorded', async () => {
  await using at = await connected({ service: 'execute-api' });
  const body = 'x'.repeat(4_194_305);
  const { status, json } = await at.stream('/bucket/key', {
    method: 'PUT',
    body,
    headers: ['Content-Type', 'text/plain'],
  });
  assert.deepEqual([status, json.code], [413, 'PAYLOAD_TOO_LARGE']);
  assert.match(String(json.detail), /signs the whole body, which may have 4 MiB/);
  assert.deepEqual([at.world.opened, seen.length], [0, 0]);
  assert.equal(
    at.world.journal().some(({ kind }) => kind === 'intent'),
    false,
  );
});

test('[dispatch.bound] a method override in a body that is read for its signature is refused', async () => {
  await using at = await connected({ service: 'execute-api' });
  const headers = ['Content-Type', 'application/json'];
  const { json } = await at.stream('/bucket/key', { method: 'POST', body: '{"_method":"DELETE"}', headers });
  assert.deepEqual([json.code, at.world.opened, seen.length], ['POLICY_DENIED', 0, 0]);
});

const MIXED: readonly object[] = [
  ...['authorization', 'x-amz-date', 'X-Amz-Security-Token', 'x_amz_content_sha256'].map((name) => ({
    headers: { [name]: 'x' },
  })),
  ...['X-Amz-Signature', 'x-amz-credential', 'X%2DAmz-Date', 'X-Amz-Expires', 'X-Amz-Algorithm'].map((name) => ({
    path: `/bucket/key?${name}=x`,
  })),
  ...['X-Amz-SignedHeaders', 'X-Amz-Security-Token'].map((name) => ({ path: `/bucket/key?a=1&${name}` })),
];
test('[dispatch.bound] a request that brings a part of a signature is refused before anything is opened', async () => {
  for (const scheme of [{}, { place: 'query' }]) {
    await using at = await connected(scheme);
    for (const request of MIXED) {
      const { json } = await at.call(request);
      assert.equal((json.error as { code: string }).code, 'POLICY_DENIED', JSON.stringify(request));
    }
    assert.deepEqual([at.world.opened, seen.length], [0, 0]);
  }
});

test('[dispatch.bound] nothing is signed for a path that was not sealed', async () => {
  await using at = await connected();
  const { json } = await at.call({ path: '/other/key' });
  assert.deepEqual([(json.error as { code: string }).code, at.world.opened], ['POLICY_DENIED', 0]);
});

test('a plus in a path is not signed for S3, where it may mean a space', async () => {
  await using at = await connected();
  const { json } = await at.call({ path: '/bucket/a+b' });
  assert.deepEqual(json.error, {
    code: 'INVALID_REQUEST',
    message: 'A path is signed for S3 without "+": write a plus as %2B, a space as %20.',
    retryable: false,
  });
  assert.deepEqual([at.world.opened, seen.length], [0, 0]);
});

test('[response.clean] an upstream that gives back the secret, a derived key or the signature gives nothing away', async () => {
  const derived = deriveAwsKeys(FIELDS.secret, '20261118', 'eu-west-1', 's3');
  const echoes: readonly ((request: SignedRequest) => Buffer)[] = [
    ...Object.values(FIELDS).map((value) => () => Buffer.from(value)),
    ...derived.flatMap((key) => [
      () => key,
      () => Buffer.from(key.toString('hex')),
      () => Buffer.from(key.toString('base64')),
    ]),
    ({ headers }) => Buffer.from(/[0-9a-f]{64}$/.exec(headers.find(([name]) => name === 'authorization')![1])![0]),
  ];
  await using at = await connected();
  for (const echo of echoes) {
    answer = (request) => Buffer.concat([Buffer.from('<'), echo(request), Buffer.from('>')]);
    const { json } = await at.call({});
    const length = echo(seen.at(-1)!).length;
    assert.equal((json.response as { body: string }).body, `<${'*'.repeat(length)}>`);
  }
});
