/**
 * What is made of a credential on its way, and is worth as much for a while: keys and signatures, tokens and assertions. Computed here
 * anew, or read off the request as it came to the upstream, so that what is echoed is nothing the executor said.
 */
import { createHmac } from 'node:crypto';
import { parseInjections } from '@dauth/protocol';
import { keepToken, type KeptToken } from '../secret/kept-token.ts';
import { plaintextOf } from './calls.test-support.ts';
import type { Form } from './coverage.test-support.ts';

/** When all requests are signed, in milliseconds since the epoch. */
export const SIGNED_AT = 1_795_000_000_000;
/** A second field, in base64, beside the one that all forms are of. */
export const KEY = { key: 'c2VjcmV0LWtleS1vZi1hbi1obWFjLCBub3QgdGV4dC1ub3ItaGV4' };
const TOKEN = 'at-0123456789-canary';

const AWS = parseInjections([
  {
    ...{ scheme: 'aws_sigv4', access_key: 'AKIDEXAMPLE', secret_key: '{token}' },
    ...{ region: 'eu-central-1', service: 's3' },
  },
]);
const HMAC = parseInjections([
  {
    ...{ scheme: 'hmac', key: '{key}', key_encoding: 'base64', hash: 'sha256', sign: '{@method}{@target}' },
    ...{ encoding: 'base64', put: [{ in: 'header', name: 'x-signature', value: '{@signature}' }] },
  },
]);
const OAUTH1 = parseInjections([{ scheme: 'oauth1', consumer_key: 'a-key', consumer_secret: '{token}' }]);
/** What was exchanged for a token. */
const EXCHANGED = parseInjections([
  { scheme: 'jwt_bearer', endpoint: 'https://login.example/token', private_key: '{token}', alg: 'ES256', iss: 'robot' },
]);

/** "Create a signed AWS API request", AWS: each key is the MAC of the next part of the scope, by the one before. */
const SCOPE = [
  new Date(SIGNED_AT).toISOString().slice(0, 10).replaceAll('-', ''),
  'eu-central-1',
  's3',
  'aws4_request',
];
const awsKey = (parts: number) => (secret: Buffer) =>
  SCOPE.slice(0, parts)
    .reduce<Buffer>((key, part) => mac(key, part), Buffer.concat([Buffer.from('AWS4'), secret]))
    .toString('hex');

export const DERIVED: readonly Form[] = [
  ...['day', 'region', 'service', 'request'].map((of, at) => ({
    name: `AWS key of a ${of}`,
    inject: AWS,
    encode: awsKey(at + 1),
  })),
  { name: 'AWS signature', inject: AWS, encode: (_, asked) => found(asked, /Signature=([0-9a-f]{64})\r/) },
  { name: 'HMAC key, decoded', inject: HMAC, encode: () => Buffer.from(KEY.key, 'base64').toString('hex') },
  { name: 'HMAC signature', inject: HMAC, encode: (_, asked) => found(asked, /x-signature: (\S+)/) },
  {
    name: 'OAuth 1.0 signature',
    inject: OAUTH1,
    encode: (_, asked) => decodeURIComponent(found(asked, /oauth_signature="([^"]+)"/)),
  },
  { name: 'token of an exchange', inject: EXCHANGED, token: exchanged, encode: () => TOKEN },
  {
    name: 'assertion for a token',
    inject: EXCHANGED,
    token: exchanged,
    encode: (secret) => `eyJhbGciOiJFUzI1NiJ9.e30.${secret.toString('latin1')}`,
  },
];

/** A token for an assertion with this signature, by which it is searched for. */
function exchanged(signature: Buffer): KeptToken {
  using plaintext = plaintextOf({});
  return { ...keepToken(Buffer.from(TOKEN), plaintext), behind: [keepToken(signature, plaintext)] };
}

function mac(key: Buffer, part: string): Buffer {
  return createHmac('sha256', key).update(part).digest();
}

/** @throws Error where the request has none: then nothing of it would be echoed, and nothing be tried */
function found(asked: string, pattern: RegExp): string {
  const [, value] = pattern.exec(asked) ?? [];
  if (value === undefined) throw new Error(`The request has nothing like ${pattern}.`);
  return value;
}
