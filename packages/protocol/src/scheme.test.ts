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

test('a scheme stands beside slots that are not its own', () => {
  const key = { in: 'header', name: 'x-api-key', value: '{key}' };
  assert.equal(parseInjections([AWS, key]).length, 2);
});

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
  ['an end in the headers', [{ ...AWS, expires: 60 }], /"expires" is for/],
  ['more than a week', [{ ...AWS, place: 'query', expires: 604_801 }], /out of range/],
  ['two schemes', [AWS, { ...AWS, place: 'query' }], /more than one scheme/],
  ['a slot of its own', [AWS, { in: 'header', name: 'authorization', value: '{x}' }], /same entry twice/],
  ['Basic beside it', [AWS, { in: 'basic', user: 'u', pass: '{x}' }], /same entry twice/],
  ['a header of AWS in a slot', [AWS, { in: 'header', name: 'x_amz-acl', value: '{x}' }], /begins with "x-amz-"/],
  ['a query name of AWS in a slot', [AWS, { in: 'query', name: 'x-AMZ-date', value: '{x}' }], /begins with "x-amz-"/],
];
for (const [what, inject, message] of REFUSED) {
  test(`[seal.bound] an envelope does not sign with ${what}`, () => {
    assert.throws(
      () => parseInjections(inject),
      (error: unknown) =>
        error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
    );
  });
}
