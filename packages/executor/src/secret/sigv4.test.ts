/** AWS signatures against what AWS published and against another implementation; what reaches an upstream is in wire/signed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DAuthError, parseInjections, type AwsSigV4, type Injection } from '@dauth/protocol';
import { AwsV4Signer } from 'aws4fetch';
import fc from 'fast-check';
import { deriveAwsKeys } from '../support/aws.test-support.ts';
import { fillable, plaintextOf } from '../support/calls.test-support.ts';
import { inject, type Fillable } from './inject.ts';

const FIELDS = { id: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };

interface Keys {
  readonly id: string;
  readonly secret: string;
  readonly token?: string;
}

function schemeOf(changes: object = {}): readonly Injection[] {
  const names = { access_key: '{id}', secret_key: '{secret}', region: 'us-east-1', service: 'service' };
  return parseInjections([{ scheme: 'aws_sigv4', ...names, ...changes }]);
}

/** What goes upstream, and the signature in it. */
function signed(scheme: object, request: Fillable, keys: Keys = FIELDS) {
  using plaintext = plaintextOf({ ...keys });
  const filled = inject(
    plaintext,
    schemeOf({ ...scheme, ...('token' in keys ? { session_token: '{token}' } : {}) }),
    request,
  );
  const [target, lines] = [filled.target.toString('latin1'), filled.lines.toString('latin1')];
  const signature = /Signature=([0-9a-f]{64})/.exec(target + lines)?.[1];
  return { target, lines, signature, secrets: filled.secrets };
}

// --- AWS's own test suite

interface SuiteCase {
  readonly context: {
    readonly credentials: { access_key_id: string; secret_access_key: string; token?: string };
    readonly expiration_in_seconds: number;
    readonly normalize: boolean;
    readonly sign_body: boolean;
    readonly omit_session_token?: boolean;
    readonly timestamp: string;
  };
  readonly request: string;
  readonly 'header-signature': string;
  readonly 'query-signature': string;
}

const FILE = join(process.env.DAUTH_TEST_DATA ?? '', 'sigv4/aws-signing-v4.json');
/** Whoever names a folder means that the suite is run: a file that is missing in it is a failure. */
const skip = process.env.DAUTH_TEST_DATA === undefined ? 'DAUTH_TEST_DATA is not set' : false;

/** Paths with dot or empty segments never get here, and no token stands in a request that it is not signed in. */
function applies({ context, request }: SuiteCase): boolean {
  const isDotted = /^[A-Z]+ [^? ]*(?:\/\.|\/\/)/.test(request);
  return !(context.normalize && isDotted) && context.omit_session_token !== true;
}

function requestOf({ context, request }: SuiteCase): Fillable {
  const octets = Buffer.from(request);
  const cut = octets.includes('\n\n') ? octets.indexOf('\n\n') : octets.length;
  const [line, ...lines] = octets.toString('latin1', 0, cut).replaceAll(/\n\s+/g, ' ').trim().split('\n');
  const headers = lines.map((header): [string, string] => {
    const colon = header.indexOf(':');
    return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1)];
  });
  const [, method, target] = /^(\w+) (.*) HTTP\/1\.1$/.exec(line!) as unknown as [string, string, string];
  const host = headers.find(([name]) => name === 'host')![1];
  const own = headers.filter(([name]) => name !== 'host' && name !== 'x-amz-security-token');
  const atMs = Date.parse(context.timestamp);
  return fillable(target, { method, headers: own, host, atMs, body: octets.subarray(cut + 2) });
}

test('the suite of AWS is signed as published', { skip }, (t) => {
  const suite = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, SuiteCase>;
  const cases = Object.entries(suite).filter(([, given]) => applies(given));
  for (const [name, given] of cases) {
    const { credentials, sign_body, expiration_in_seconds: expires } = given.context;
    const { access_key_id: id, secret_access_key: secret, token } = credentials;
    const keys = { id, secret, ...(token === undefined ? {} : { token }) };
    const byHeader = signed({ content_sha256: sign_body }, requestOf(given), keys);
    assert.equal(byHeader.signature, given['header-signature'], name);
    const byQuery = signed({ place: 'query', expires }, requestOf(given), keys);
    assert.equal(byQuery.signature, given['query-signature'], `${name}, in the query`);
  }
  t.diagnostic(`${cases.length} of ${Object.keys(suite).length} cases, in headers and in queries`);
  assert.equal(cases.length, 31);
});

// --- examples of AWS's documentation: "Create a signed AWS API request" (IAM), "Authenticating requests" (Amazon S3)

const S3: Keys = { id: 'AKIAIOSFODNN7EXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const S3_REQUEST = { host: 'examplebucket.s3.amazonaws.com', atMs: Date.parse('2013-05-24T00:00:00Z') };
const DOCUMENTED: readonly { name: string; scheme: object; keys: Keys; request: Fillable; signature: string }[] = [
  {
    name: 'IAM ListUsers',
    scheme: { service: 'iam' },
    keys: FIELDS,
    request: fillable('/?Action=ListUsers&Version=2010-05-08', {
      host: 'iam.amazonaws.com',
      headers: [['content-type', 'application/x-www-form-urlencoded; charset=utf-8']],
      atMs: Date.parse('2015-08-30T12:36:00Z'),
    }),
    signature: '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  },
  {
    name: 'S3 GET of an object',
    scheme: { service: 's3' },
    keys: S3,
    request: fillable('/test.txt', { ...S3_REQUEST, headers: [['range', 'bytes=0-9']] }),
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    name: 'S3 PUT of an object',
    scheme: { service: 's3' },
    keys: S3,
    request: fillable('/test%24file.text', {
      ...{ ...S3_REQUEST, method: 'PUT', body: Buffer.from('Welcome to Amazon S3.') },
      headers: [
        ['date', 'Fri, 24 May 2013 00:00:00 GMT'],
        ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
      ],
    }),
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  {
    name: 'S3 GET of a bucket’s lifecycle',
    scheme: { service: 's3' },
    keys: S3,
    request: fillable('/?lifecycle', S3_REQUEST),
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    name: 'S3 GET of a list of objects',
    scheme: { service: 's3' },
    keys: S3,
    request: fillable('/?max-keys=2&prefix=J', S3_REQUEST),
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
  {
    name: 'S3 presigned GET',
    scheme: { service: 's3', place: 'query', expires: 86_400 },
    keys: S3,
    request: fillable('/test.txt', S3_REQUEST),
    signature: 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  },
];
for (const { name, scheme, keys, request, signature } of DOCUMENTED) {
  test(`the documented example ${name} is signed as published`, () => {
    assert.equal(signed(scheme, request, keys).signature, signature);
  });
}

// --- another implementation

const segment = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9\-._~!$&'()*,;=:@]{1,8}$/).filter((text) => !/^\.{1,2}(?:;|$)/.test(text)),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 4 })
    .map(encodeURIComponent)
    .filter((text) => !/%00|^\.+$/.test(text)),
);
const word = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9\-._~!$'()*,:@/?+]{1,8}$/),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }).map(encodeURIComponent),
);
const targets = fc
  .record({
    path: fc.array(segment, { maxLength: 4 }),
    query: fc.uniqueArray(fc.tuple(word, fc.option(word)), {
      maxLength: 5,
      selector: ([name]) => decodeURIComponent(name.replaceAll('+', ' ')),
    }),
  })
  .map(({ path, query }) => ({
    path: `/${path.join('/')}`,
    query: query.map(([name, value]) => (value === null ? name : `${name}=${value}`)).join('&'),
  }));
const requests = fc.record({
  target: targets,
  method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE'),
  headers: fc.uniqueArray(
    fc.tuple(
      fc.constantFrom('content-type', 'x-amz-meta-a', 'x-amz-target', 'accept', 'x-custom', 'if-match'),
      fc.stringMatching(/^[!-~]( {0,3}[!-~]){0,12}$/),
    ),
    { maxLength: 4, selector: ([name]) => name },
  ),
  body: fc.uint8Array({ maxLength: 40 }),
  token: fc.option(fc.base64String({ minLength: 12, maxLength: 60 })),
  service: fc.constantFrom('s3', 'execute-api', 'dynamodb'),
  isQuery: fc.boolean(),
  seconds: fc.integer({ min: 1_600_000_000, max: 2_600_000_000 }),
});

test('another implementation signs the same requests the same way', async () => {
  const agree = fc.asyncProperty(requests, async (given) => {
    const { method, headers, body } = given;
    const { path, query } = given.target;
    const atMs = given.seconds * 1_000;
    const isS3 = given.service === 's3';
    const expires = given.isQuery ? 'X-Amz-Expires=300' : '';
    const parameters = [query, expires].filter((part) => part !== '').join('&');
    const hash = Buffer.from(await crypto.subtle.digest('SHA-256', given.body as Uint8Array<ArrayBuffer>)).toString(
      'hex',
    );
    const theirs = await new AwsV4Signer({
      ...{ method: given.method, url: `https://api.example${path}${parameters === '' ? '' : `?${parameters}`}` },
      headers: [...given.headers, ...(isS3 && !given.isQuery ? [['x-amz-content-sha256', hash]] : [])] as never,
      ...{ body: given.body as never, accessKeyId: FIELDS.id, secretAccessKey: FIELDS.secret },
      ...(given.token === null ? {} : { sessionToken: given.token }),
      ...{ service: given.service, region: 'eu-west-1', signQuery: given.isQuery, allHeaders: true },
      datetime: new Date(atMs).toISOString().replaceAll(/[:-]|\.\d{3}/g, ''),
    }).signature();
    const request = fillable(`${path}${query === '' ? '' : `?${query}`}`, { method, headers, body, atMs });
    const place = given.isQuery ? { place: 'query' } : {};
    const keys = { ...FIELDS, ...(given.token === null ? {} : { token: given.token }) };
    const ours = signed({ service: given.service, region: 'eu-west-1', ...place }, request, keys);
    assert.equal(ours.signature, theirs, ours.target);
  });
  await fc.assert(agree, { numRuns: 200 });
});

// --- what is looked for in answers, and what is refused

test('[response.clean] secret, token, every derived key and the signature are looked for in the answer', () => {
  const keys = { ...FIELDS, token: 'a-session-token/with+signs==' };
  const atMs = Date.parse('2026-11-29T12:00:00Z');
  for (const place of ['header', 'query']) {
    const { secrets, signature } = signed({ place }, fillable('/', { atMs }), keys);
    const derived = deriveAwsKeys(FIELDS.secret, '20261129', 'us-east-1', 'service');
    const looked = (wanted: Buffer): boolean => secrets.some((secret) => secret.equals(wanted));
    for (const wanted of [
      ...derived,
      ...Object.values(keys).map((value) => Buffer.from(value)),
      Buffer.from(signature!),
    ])
      assert.ok(looked(wanted), `${place}: ${wanted.toString('latin1')}`);
    assert.equal(looked(Buffer.from(encodeURIComponent(keys.token))), place === 'query');
  }
});

const REFUSED: readonly { name: string; keys: Keys; scheme?: object; request?: Fillable; says: RegExp }[] = [
  {
    name: 'an access key with a slash',
    keys: { ...FIELDS, id: 'AKID/20150830' },
    says: /characters that its slot cannot carry/,
  },
  {
    name: 'a session token with a space',
    keys: { ...FIELDS, token: 'one two three' },
    says: /characters that its slot cannot carry/,
  },
  {
    name: 'a line break in a session token',
    keys: { ...FIELDS, token: 'one\r\nx: yyyyyy' },
    says: /characters that its slot cannot carry/,
  },
  {
    name: 'a body that streams to another service than S3',
    keys: FIELDS,
    request: fillable('/', { body: null }),
    says: /cannot be signed on its way/,
  },
  {
    name: 'a body that streams to S3 without TLS',
    keys: FIELDS,
    scheme: { service: 's3' },
    request: fillable('/', { body: null, isTls: false }),
    says: /cannot be signed on its way/,
  },
  {
    name: 'an unsigned body without TLS',
    keys: FIELDS,
    scheme: { service: 's3', place: 'query' },
    request: fillable('/', { isTls: false }),
    says: /cannot be signed on its way/,
  },
];
for (const { name, keys, scheme, request, says } of REFUSED) {
  test(`[dispatch.bound] refuses to sign before anything is sent: ${name}`, () => {
    assert.throws(
      () => signed(scheme ?? {}, request ?? fillable(), keys),
      (error: unknown) =>
        error instanceof DAuthError && error.code === 'POLICY_DENIED' && says.test(error.publicMessage),
    );
  });
}

test('[dispatch.bound] slots that are filled are in what is signed', () => {
  const key = { in: 'query', name: 'key', value: '{token}' };
  const values = { ...FIELDS, token: 'a&b=c d+e' };
  using plaintext = plaintextOf(values);
  const request = fillable('/items?b=1');
  const filled = inject(plaintext, parseInjections([key, ...schemeOf()]), request);
  assert.equal(filled.target.toString(), '/items?b=1&key=a%26b%3Dc%20d%2Be');
  using again = plaintextOf(FIELDS);
  const whole = inject(again, schemeOf(), { ...request, target: filled.target.toString() });
  assert.equal(filled.lines.toString(), whole.lines.toString());
});

test('a query that ends in a question mark is gone on with', () => {
  assert.match(signed({ place: 'query' }, fillable('/a?b=?')).target, /^\/a\?b=\?&X-Amz-Algorithm=/);
  assert.match(signed({ place: 'query' }, fillable('/a?')).target, /^\/a\?X-Amz-Algorithm=/);
});

test('an S3 body that streams over TLS goes unsigned, and says so', () => {
  const { lines } = signed({ service: 's3' }, fillable('/key', { body: null }));
  assert.match(lines, /^x-amz-content-sha256: UNSIGNED-PAYLOAD\r$/m);
});

test('what a hop may change is not signed, whatever else the caller sent is', () => {
  const headers = ['user-agent', 'referer', 'x-amz-acl', 'content-type'].map((name) => [name, 'value'] as const);
  const { lines } = signed({}, fillable('/', { headers }));
  assert.match(lines, /SignedHeaders=content-type;host;x-amz-acl;x-amz-date,/);
});

test('the scheme of a default says so in the envelope', () => {
  const [{ place, content_sha256, expires }] = schemeOf({ service: 's3' }) as [AwsSigV4];
  assert.deepEqual([place, content_sha256, expires], ['header', true, undefined]);
  const [query] = schemeOf({ place: 'query' }) as [AwsSigV4];
  assert.deepEqual([query.content_sha256, query.expires], [false, 300]);
});
