/** Requests signed by OAuth 1.0 as they reach an upstream that recomputes the signature: whole dispatches, real TLS. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyOAuth1 } from '../support/oauth1.test-support.ts';
import { headerOf, SigningUpstream, type SignedRequest } from '../support/signing.test-support.ts';

const FIELDS = { id: 'consumer-key', secret: 'consumer-secret', token: 'to/ken=&value', token_secret: 'token-secret' };
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

let upstream: SigningUpstream;
before(async () => {
  upstream = await SigningUpstream.open();
  upstream.isValid = (request) => verifyOAuth1(request, 'https', FIELDS.secret, FIELDS.token_secret);
});
after(() => upstream[Symbol.asyncDispose]());

function connected(changes: object = {}, fields: Readonly<Record<string, string>> = FIELDS) {
  const consumer = { consumer_key: '{id}', consumer_secret: '{secret}' };
  const token = { token: '{token}', token_secret: '{token_secret}' };
  return upstream.connect([{ scheme: 'oauth1', ...consumer, ...token, ...changes }], fields);
}

test('[dispatch.bound] an upstream that recomputes it takes an OAuth 1.0 signature', async () => {
  for (const changes of [{}, { hash: 'sha256', realm: 'An API' }]) {
    await using at = await connected(changes);
    for (const request of [
      { path: '/bucket/key?b=2&a=x+y&a=%20z&c' },
      { method: 'POST', headers: FORM, body: 'status=Hello%20%2b+World&a' },
      { method: 'POST', body: { any: 'JSON' } },
    ]) {
      const { response } = await at.call(request);
      assert.deepEqual([response?.status, response?.body], [200, 'ok'], JSON.stringify(request));
    }
    const nonces = upstream.seen.map((came) => /oauth_nonce="([^"]+)"/.exec(headerOf(came, 'authorization'))![1]);
    assert.equal(new Set(nonces).size, 3, 'a nonce for each request');
    const headers = Object.entries(FORM).flat();
    const { status } = await at.stream('/bucket/key', { method: 'PUT', body: 'streamed=1', headers });
    assert.equal(status, 200, 'a form that streams in is signed too');
  }
});

test('[dispatch.bound] an upstream refuses what other secrets signed', async () => {
  for (const name of ['secret', 'token_secret'] as const) {
    await using at = await connected({}, { ...FIELDS, [name]: 'another-secret' });
    assert.equal((await at.call({})).response?.status, 403, name);
  }
});

test('[dispatch.bound] a request that brings a parameter of the signature is refused before anything is opened', async () => {
  await using at = await connected();
  for (const request of [
    { headers: { Authorization: 'OAuth oauth_token="x"' } },
    { path: '/bucket/key?oauth_token=x' },
    { path: '/bucket/key?a=1&OAuth%5Fsignature=x' },
    { method: 'POST', headers: FORM, body: 'a=1&oauth_verifier=x' },
    { method: 'POST', headers: FORM, body: 'o%61uth_nonce=x' },
    { method: 'POST', headers: FORM, body: 'a=1;oauth_token=x' },
    { method: 'POST', headers: FORM, body: 'oauth.token=x' },
    { method: 'POST', headers: FORM, body: 'oauth_token%5B%FF%5D=x' },
  ])
    assert.equal((await at.call(request)).error?.code, 'POLICY_DENIED', JSON.stringify(request));
  assert.deepEqual([at.world.opened, upstream.seen.length], [0, 0]);
});

test('[dispatch.bound] parameters that would hold up all other calls are refused before anything is opened', async () => {
  await using at = await connected();
  const headers = Object.entries(FORM).flat();
  const large = `a=${'%'.repeat(262_144)}`;
  for (const [request, code] of [
    [{ path: `/bucket/key?${'a&'.repeat(1_000)}` }, 'INVALID_REQUEST'],
    [{ method: 'POST', headers: FORM, body: 'a&'.repeat(1_000) }, 'INVALID_REQUEST'],
    [{ method: 'POST', headers: FORM, body: large }, 'PAYLOAD_TOO_LARGE'],
  ] as const)
    assert.equal((await at.call(request)).error?.code, code);
  const { json } = await at.stream('/bucket/key', { method: 'PUT', body: large, headers });
  assert.deepEqual([json.code, at.world.opened, upstream.seen.length], ['PAYLOAD_TOO_LARGE', 0, 0]);
  const most = { method: 'POST', path: `/bucket/key?${'a&'.repeat(999)}a`, headers: FORM, body: 'b&'.repeat(999) };
  assert.equal((await at.call(most)).response?.status, 200);
});

test('[response.clean] an upstream that gives back what was signed with, or the signature, gives nothing away', async () => {
  await using at = await connected();
  /** As it stands in the header. */
  const signatureOf = (request: SignedRequest): string =>
    /oauth_signature="([^"]+)"/.exec(headerOf(request, 'authorization'))![1]!;
  const echoes: readonly ((request: SignedRequest) => Buffer)[] = [
    ...Object.values(FIELDS).map((value) => () => Buffer.from(value)),
    () => Buffer.from(encodeURIComponent(FIELDS.token)),
    (request) => Buffer.from(signatureOf(request)),
    (request) => Buffer.from(encodeURIComponent(signatureOf(request))),
    (request) => Buffer.from(Buffer.from(signatureOf(request)).toString('base64')),
  ];
  for (const echo of echoes) {
    upstream.answer = (request) => Buffer.concat([Buffer.from('<'), echo(request), Buffer.from('>')]);
    const { response } = await at.call({});
    assert.equal(response?.body, `<${'*'.repeat(echo(upstream.seen.at(-1)!).length)}>`);
  }
});

test('[response.clean] the name of a key, however short, is no secret, and takes nothing away from the search for those', async () => {
  for (const name of ['k', 'kk', 'a key']) {
    await using at = await connected({ consumer_key: name });
    upstream.answer = () => Buffer.from(`<${FIELDS.secret}>`);
    assert.equal((await at.call({})).response?.body, `<${'*'.repeat(FIELDS.secret.length)}>`, name);
  }
});
