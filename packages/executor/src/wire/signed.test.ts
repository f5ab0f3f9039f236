/** Signed requests as they reach an upstream that recomputes the signature: whole dispatches, real TLS, the executor's clock. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deriveAwsKeys, verifyAws } from '../support/aws.test-support.ts';
import { headerOf, SigningUpstream, type SignedRequest } from '../support/signing.test-support.ts';

const FIELDS = {
  id: 'AKIDEXAMPLE',
  secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  session: 'session-token/with+signs==',
};
const known = FIELDS.secret;

let upstream: SigningUpstream;
before(async () => {
  upstream = await SigningUpstream.open();
  upstream.isValid = (request) => verifyAws(request, known).valid;
});
after(() => upstream[Symbol.asyncDispose]());

/** An executor with a connection that signs for AWS. */
function connected(scheme: object = {}, fields: Readonly<Record<string, string>> = FIELDS) {
  const templates = { access_key: '{id}', secret_key: '{secret}', session_token: '{session}' };
  const names = { scheme: 'aws_sigv4', region: 'eu-west-1', service: 's3' };
  return upstream.connect([{ ...templates, ...names, ...scheme }], fields);
}

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
    const json = await at.call(request);
    assert.deepEqual([json.response?.status, json.response?.body], [200, 'ok']);
    const inQuery = 'place' in scheme;
    assert.match(inQuery ? upstream.seen[0]!.target : headerOf(upstream.seen[0]!, 'authorization'), /eu-west-1/);
    assert.equal(
      inQuery ? /X-Amz-Date=([^&]+)/.exec(upstream.seen[0]!.target)?.[1] : headerOf(upstream.seen[0]!, 'x-amz-date'),
      '20261118T202640Z',
    );
    const { signed } = verifyAws(upstream.seen[0]!, known);
    assert.ok(signed.includes('host') && (inQuery || signed.includes('x-amz-security-token')));
  });
}

test('[dispatch.bound] an upstream refuses what another secret signed', async () => {
  await using at = await connected({}, { ...FIELDS, secret: `${FIELDS.secret}x` });
  const json = await at.call({});
  assert.equal(json.response?.status, 403);
});

test('[dispatch.bound] what goes upstream is what was signed: each octet counts', async () => {
  await using at = await connected({ service: 'execute-api' });
  await at.call({ method: 'POST', path: '/bucket/key?a=1', body: 'text', headers: { 'x-amz-acl': 'private' } });
  const came = upstream.seen[0]!;
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
    assert.deepEqual(
      [status, upstream.seen[0]!.body.toString(), verifyAws(upstream.seen[0]!, known).payload],
      [200, 'x', payload],
    );
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
  assert.deepEqual([at.world.opened, upstream.seen.length], [0, 0]);
  assert.equal(
    at.world.journal().some(({ kind }) => kind === 'intent'),
    false,
  );
});

test('[dispatch.bound] a method override in a body that is read for its signature is refused', async () => {
  await using at = await connected({ service: 'execute-api' });
  const headers = ['Content-Type', 'application/json'];
  const { json } = await at.stream('/bucket/key', { method: 'POST', body: '{"_method":"DELETE"}', headers });
  assert.deepEqual([json.code, at.world.opened, upstream.seen.length], ['POLICY_DENIED', 0, 0]);
});

const MIXED: readonly object[] = [
  ...[
    'authorization',
    'x-amz-date',
    'X-Amz-Security-Token',
    'x_amz_content_sha256',
    'x-amz-decoded-content-length',
  ].map((name) => ({
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
      const json = await at.call(request);
      assert.equal(json.error?.code, 'POLICY_DENIED', JSON.stringify(request));
    }
    assert.deepEqual([at.world.opened, upstream.seen.length], [0, 0]);
  }
});

test('[dispatch.bound] a query that would hold up all other calls is not signed', async () => {
  await using at = await connected();
  const json = await at.call({ path: `/bucket/key?${'a&'.repeat(1_000)}` });
  assert.deepEqual([json.error?.code, at.world.opened, upstream.seen.length], ['INVALID_REQUEST', 0, 0]);
});

test('[dispatch.bound] nothing is signed for a path that was not sealed, nor to copy from one', async () => {
  await using at = await connected();
  const headers = { 'x-amz-copy-source': '/other/key' };
  for (const request of [{ path: '/other/key' }, { method: 'PUT', headers }]) {
    const json = await at.call(request);
    assert.deepEqual([json.error?.code, at.world.opened], ['POLICY_DENIED', 0]);
  }
});

test('a plus in a path is not signed for S3, where it may mean a space', async () => {
  await using at = await connected();
  const json = await at.call({ path: '/bucket/a+b' });
  assert.deepEqual(json.error, {
    code: 'INVALID_REQUEST',
    message: 'A path is signed for S3 without "+": write a plus as %2B, a space as %20.',
    retryable: false,
  });
  assert.deepEqual([at.world.opened, upstream.seen.length], [0, 0]);
});

test('[response.clean] an upstream that gives back the secret, a derived key or the signature gives nothing away', async () => {
  const derived = deriveAwsKeys(FIELDS.secret, '20261118', 'eu-west-1', 's3');
  const echoes: readonly ((request: SignedRequest) => Buffer)[] = [
    ...Object.values(FIELDS).map((value) => () => Buffer.from(value)),
    // `CanonicalRequestBytes` of an S3 error: every octet that was signed, so the session token too.
    () =>
      Buffer.from(
        Buffer.from(FIELDS.session)
          .toString('hex')
          .replaceAll(/..(?!$)/g, '$& '),
      ),
    ...derived.flatMap((key) => [
      () => key,
      () => Buffer.from(key.toString('hex')),
      () => Buffer.from(key.toString('base64')),
    ]),
    (request) => Buffer.from(/[0-9a-f]{64}$/.exec(headerOf(request, 'authorization'))![0]),
  ];
  await using at = await connected();
  for (const echo of echoes) {
    upstream.answer = (request) => Buffer.concat([Buffer.from('<'), echo(request), Buffer.from('>')]);
    const json = await at.call({});
    const length = echo(upstream.seen.at(-1)!).length;
    assert.equal(json.response?.body, `<${'*'.repeat(length)}>`);
  }
});
