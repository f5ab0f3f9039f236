import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from './errors.ts';
import { injectedFields, isScheme, parseInjections, slotKeys } from './inject.ts';

const AWS = {
  ...{ scheme: 'aws_sigv4', access_key: '{id}', secret_key: '{secret}' },
  ...{ region: 'eu-west-1', service: 's3' },
};

test('a scheme is read with what it leaves out, and read again as the same', () => {
  const [header] = parseInjections([AWS]);
  assert.deepEqual(header, { ...AWS, place: 'header', content_sha256: true });
  const [query] = parseInjections([{ ...AWS, service: 'sts', session_token: '{token}', place: 'query' }]);
  assert.deepEqual(query, {
    ...{ ...AWS, service: 'sts', session_token: '{token}', place: 'query' },
    ...{ content_sha256: false, expires: 300 },
  });
  for (const scheme of [header!, query!]) assert.deepEqual(parseInjections([scheme]), [scheme]);
  assert.deepEqual([...injectedFields([query!])], ['id', 'secret', 'token']);
  assert.deepEqual([isScheme(query!), slotKeys(query!).includes('header authorization')], [true, true]);
});

const SIGNATURE = { in: 'header', name: 'x-sig', value: '{@signature}' };
const HMAC = { scheme: 'hmac', key: '{key}', hash: 'sha256', sign: '{@body}', put: [SIGNATURE] };

test('what hmac leaves out is filled in, and read again as the same', () => {
  const [least] = parseInjections([HMAC]);
  assert.deepEqual(least, { ...HMAC, key_encoding: 'raw', encoding: 'hex' });
  const most = {
    ...{ ...HMAC, key_encoding: 'base64', encoding: 'base64', timestamp: 'iso', nonce: { form: 'nonce' } },
    sign: '{@timestamp}{@lf}{@digest}{@nonce}{id}',
    digest: { hash: 'sha512', of: '{@path}{@query}{@host}{@method}{@target}', encoding: 'hex' },
    put: [
      { in: 'query', name: 'ts', value: '{@timestamp}' },
      { ...SIGNATURE, value: 'v1={@signature} {@digest}' },
    ],
  };
  const [all] = parseInjections([most]);
  assert.deepEqual(all, most);
  assert.deepEqual([...injectedFields([all!])], ['key', 'id']);
  assert.deepEqual(slotKeys(all!), ['header x-sig', 'query ts']);
});

const OAUTH1 = { scheme: 'oauth1', consumer_key: 'key', consumer_secret: '{secret}' };

test('what oauth1 leaves out is filled in, and read again as the same', () => {
  const [least] = parseInjections([OAUTH1]);
  assert.deepEqual(least, { ...OAUTH1, hash: 'sha1', version: true });
  const most = { ...OAUTH1, token: '{t}', token_secret: '{ts}', hash: 'sha256', realm: 'An API', version: false };
  const [all] = parseInjections([most]);
  assert.deepEqual(all, most);
  assert.deepEqual([...injectedFields([all!])], ['secret', 't', 'ts']);
});

test('a scheme stands beside slots that are not its own', () => {
  const key = { in: 'header', name: 'x-api-key', value: '{key}' };
  assert.equal(parseInjections([AWS, key]).length, 2);
});

const TIMED = { timestamp: 's', sign: '{@timestamp}' };
const HASHED = { digest: { hash: 'sha1', of: '{@body}', encoding: 'raw' }, sign: '{@digest}' };
const REFUSED_HMAC: readonly [what: string, changes: object, message: RegExp][] = [
  ['a member that hmac does not have', { algorithm: 'sha256' }, /not defined/],
  ['a hash that nobody should use', { hash: 'md5' }, /"hash" has a value/],
  ['a hash that is null', { hash: null }, /"hash" has a value/],
  ['an encoding that is null', { encoding: null }, /"encoding" has a value/],
  ['a key without a field', { key: 'fixed' }, /name a field/],
  ['a key with a part of the request', { key: '{@body}' }, /field name is/],
  ['a part that no request has', { sign: '{@cookie}' }, /names a part that no request has/],
  ['its own signature', { sign: '{@body}{@signature}' }, /not there where it stands/],
  ['a digest of itself', { ...HASHED, digest: { ...HASHED.digest, of: '{@digest}' } }, /not there where it stands/],
  ['a body in a header', { put: [{ ...SIGNATURE, value: '{@signature}{@body}' }] }, /not there where it stands/],
  [
    'a raw digest in a header',
    { ...HASHED, put: [{ ...SIGNATURE, value: '{@signature}{@digest}' }] },
    /is hex or base64/,
  ],
  [
    'a digest in a query',
    { ...HASHED, put: [SIGNATURE, { in: 'query', name: 'hash', value: '{@digest}' }] },
    /is put into a header/,
  ],
  ['a digest without its encoding', { ...HASHED, digest: { hash: 'sha1', of: 'x' } }, /needs the member "encoding"/],
  ['no slot at all', { put: [] }, /must not be empty/],
  [
    'no slot for the signature',
    { ...TIMED, put: [{ ...SIGNATURE, value: '{@timestamp}' }] },
    /no slot with \{@signature\}/,
  ],
  ['a cookie for the signature', { put: [{ ...SIGNATURE, in: 'cookie' }] }, /has a value that is not known/],
  ['a header that is never a slot', { put: [{ ...SIGNATURE, name: 'host' }] }, /can never be an injection slot/],
  ['a slot twice', { put: [SIGNATURE, SIGNATURE] }, /same entry twice/],
  ['a time that is nowhere', { timestamp: 's' }, /"timestamp" and \{@timestamp\} go together/],
  ['a time that is not made', { sign: '{@timestamp}' }, /"timestamp" and \{@timestamp\} go together/],
  ['a nonce that is not made', { sign: '{@nonce}' }, /"nonce" and \{@nonce\} go together/],
  ['a nonce of another kind', { nonce: 'fixed' }, /must be an object/],
  ['a nonce in a field with an odd name', { nonce: { form: 'No nce' }, sign: '{@nonce}' }, /A field name is/],
  ['a digest that is nowhere', { digest: HASHED.digest }, /"digest" and \{@digest\} go together/],
  ['a line break', { sign: 'a\nb' }, /control/],
  ['a stray brace', { sign: '{@body}}' }, /brace/],
];
const REFUSED_OAUTH1: readonly [what: string, changes: object, message: RegExp][] = [
  ['an empty consumer key', { consumer_key: '' }, /must not be empty/],
  ['a fixed consumer secret', { consumer_secret: 'fixed' }, /name a field/],
  ['a token without its secret', { token: '{t}' }, /go together/],
  ['the secret of no token', { token_secret: '{ts}' }, /go together/],
  ['a realm with a quotation mark', { realm: 'a"b' }, /"realm" is/],
  ['a realm that is null', { realm: null }, /"realm" is/],
  ['a version that is null', { version: null }, /"version" is/],
  ['plain text for OAuth 1.0', { hash: 'plaintext' }, /"hash" has a value/],
];
for (const [what, changes, message] of REFUSED_OAUTH1) refuses(what, [{ ...OAUTH1, ...changes }], message);
for (const [what, changes, message] of REFUSED_HMAC) refuses(what, [{ ...HMAC, ...changes }], message);
refuses('a slot of hmac beside it', [HMAC, { in: 'header', name: 'x_sig', value: '{x}' }], /same entry twice/);

const REFUSED: readonly [what: string, inject: readonly object[], message: RegExp][] = [
  ['an unknown scheme', [{ ...AWS, scheme: 'aws_sigv2' }], /A scheme is/],
  ['a member that is not defined', [{ ...AWS, session: '{token}' }], /not defined/],
  ['a member of a slot', [{ ...AWS, in: 'header' }], /not defined/],
  ['no secret', [{ ...AWS, secret_key: 'fixed' }], /name a field/],
  ['a fixed session token', [{ ...AWS, session_token: 'fixed' }], /name a field/],
  ['an access key that is null', [{ ...AWS, access_key: null }], /non-empty string/],
  ['an access key with a slash', [{ ...AWS, access_key: 'AKID/x' }], /"access_key" is/],
  ['an empty access key', [{ ...AWS, access_key: '' }], /"access_key" is/],
  ['a region with a slash', [{ ...AWS, region: 'eu/west' }], /"region" is/],
  ['a region that is no string', [{ ...AWS, region: 1 }], /"region" is/],
  ['a service with a space', [{ ...AWS, service: 's 3' }], /"service" is/],
  ['a place that nobody knows', [{ ...AWS, place: 'cookie' }], /"place" is/],
  ['a place that is null', [{ ...AWS, place: null }], /"place" is/],
  ['a hash that is null', [{ ...AWS, content_sha256: null }], /"content_sha256" is true or false/],
  ['S3 without the hash', [{ ...AWS, content_sha256: false }], /S3 needs/],
  ['a hash in a query', [{ ...AWS, place: 'query', content_sha256: true }], /is for a signature in the headers/],
  ['a payload that is null', [{ ...AWS, payload: null }], /"payload" is "chunks"/],
  ['pieces to others than S3', [{ ...AWS, service: 'sqs', payload: 'chunks' }], /"payload" is for Amazon S3/],
  [
    'pieces under a signature in a query',
    [{ ...AWS, place: 'query', payload: 'chunks' }],
    /"payload" is for Amazon S3/,
  ],
  ['an end in the headers', [{ ...AWS, expires: 60 }], /"expires" is for/],
  ['more than a week', [{ ...AWS, place: 'query', expires: 604_801 }], /out of range/],
  ['two schemes', [AWS, { ...AWS, place: 'query' }], /more than one scheme/],
  ['a slot of its own', [AWS, { in: 'header', name: 'authorization', value: '{x}' }], /same entry twice/],
  ['Basic beside it', [AWS, { in: 'basic', user: 'u', pass: '{x}' }], /same entry twice/],
  ['a header of AWS in a slot', [AWS, { in: 'header', name: 'x_amz-acl', value: '{x}' }], /begins with "x-amz-"/],
  ['a query name of AWS in a slot', [AWS, { in: 'query', name: 'x-AMZ-date', value: '{x}' }], /begins with "x-amz-"/],
];
for (const [what, inject, message] of REFUSED) refuses(what, inject, message);

function refuses(what: string, inject: readonly object[], message: RegExp): void {
  test(`[seal.bound] an envelope does not sign with ${what}`, () => {
    assert.throws(
      () => parseInjections(inject),
      (error: unknown) =>
        error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
    );
  });
}
