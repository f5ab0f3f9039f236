/** OAuth 1.0 signatures against the examples of RFC 5849, of Twitter's documentation, and the same written plainly. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { DAuthError, parseInjections, type Injection } from '@dauth/protocol';
import fc from 'fast-check';
import { fillable, plaintextOf } from '../support/calls.test-support.ts';
import { verifyOAuth1 } from '../support/oauth1.test-support.ts';
import { inject, type Fillable } from './inject.ts';

const TOKEN = { token: '{token}', token_secret: '{token_secret}' };
const FORM = [['content-type', 'application/x-www-form-urlencoded']] as const;

function schemeOf(changes: object = {}): readonly Injection[] {
  const consumer = { consumer_key: '{id}', consumer_secret: '{secret}' };
  return parseInjections([{ scheme: 'oauth1', ...consumer, ...TOKEN, ...changes }]);
}

function signed(scheme: object, request: Fillable, fields: Readonly<Record<string, string>>) {
  using plaintext = plaintextOf(fields);
  const filled = inject(plaintext, schemeOf(scheme), request);
  const line = filled.lines.toString('latin1');
  const signature = decodeURIComponent(/oauth_signature="([^"]+)"/.exec(line)![1]!);
  return { target: filled.target.toString('latin1'), line, signature, secrets: filled.secrets };
}

test('the example of RFC 5849 §1.2 is signed as published', () => {
  const request = fillable('/photos?file=vacation.jpg&size=original', {
    ...{ host: 'photos.example.net', isTls: false, atMs: 137_131_202_000, random: () => 'chapoH' },
  });
  const fields = {
    ...{ id: 'dpf43f3p2l4k3l03', secret: 'kd94hf93k423kf44' },
    ...{ token: 'nnch734d00sl2jdk', token_secret: 'pfkkdhi9sl3r4s00' },
  };
  const { target, line } = signed({ realm: 'Photos', version: false }, request, fields);
  assert.equal(target, request.target);
  assert.equal(
    line,
    'authorization: OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_token="nnch734d00sl2jdk", ' +
      'oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131202", oauth_nonce="chapoH", ' +
      'oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"\r\n',
  );
});

test('the signature base string is that of RFC 5849 §3.4.1.1', () => {
  const base =
    'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D' +
    '%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1' +
    '%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7';
  const request = fillable('/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b', {
    ...{ method: 'POST', host: 'example.com', isTls: false, headers: FORM, body: Buffer.from('c2&a3=2+q') },
    ...{ atMs: 137_131_201_000, random: () => '7d8f3e4a' },
  });
  const fields = {
    ...{ id: '9djdj82h48djs9d2', secret: 'j49sk3j29djd' },
    ...{ token: 'kkk9d7dh3k39sjv7', token_secret: 'dh893hdasih9' },
  };
  const { signature } = signed({ realm: 'Example', version: false }, request, fields);
  assert.equal(signature, createHmac('sha1', 'j49sk3j29djd&dh893hdasih9').update(base).digest('base64'));
});

test('the documented example of Twitter is signed as published', () => {
  const request = fillable('/1.1/statuses/update.json?include_entities=true', {
    ...{ method: 'POST', host: 'api.twitter.com', headers: FORM },
    body: Buffer.from('status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21'),
    ...{ atMs: 1_318_622_958_000, random: () => 'kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg' },
  });
  const { signature } = signed({}, request, {
    ...{ id: 'xvz1evFS4wEEPTGEFPHBog', secret: 'kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw' },
    token: '370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb',
    token_secret: 'LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE',
  });
  assert.equal(signature, 'hCtSmYh+iHYCEqBWrE7C7hYmtUk=');
});

const value = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 });
const parameters = fc.array(fc.tuple(value, value), { maxLength: 5 });

test('whatever stands in query and form is signed as a verifier of its own computes it', () => {
  const given = fc.record({
    ...{ query: parameters, form: parameters, isForm: fc.boolean(), isTls: fc.boolean(), version: fc.boolean() },
    ...{
      hash: fc.constantFrom('sha1', 'sha256'),
      hasToken: fc.boolean(),
      secret: fc.string({ unit: 'grapheme', minLength: 12, maxLength: 30 }),
    },
  });
  const same = fc.property(given, ({ query, form, isForm, isTls, version, hash, hasToken, secret }) => {
    fc.pre(!/^ | $/.test(secret));
    const text = new URLSearchParams(query).toString();
    const body = Buffer.from(new URLSearchParams(form).toString());
    const headers = isForm ? FORM : [['content-type', 'text/plain'] as const];
    const request = fillable(`/a/b%20c${text === '' ? '' : `?${text}`}`, { method: 'PUT', headers, body, isTls });
    const fields = {
      id: 'consumer key',
      secret,
      ...(hasToken ? { token: 'to/ken=&+ value', token_secret: 'a token secret' } : {}),
    };
    const without = hasToken ? {} : { token: undefined, token_secret: undefined };
    const scheme = { hash, version, ...without };
    using plaintext = plaintextOf(fields);
    const injections = parseInjections([JSON.parse(JSON.stringify({ ...schemeOf()[0], ...scheme }))]);
    const line = inject(plaintext, injections, request).lines.toString();
    const came = {
      ...{ method: 'PUT', target: request.target, body },
      headers: [
        ...headers,
        ['host', 'api.example'] as const,
        ['authorization', line.slice('authorization: '.length, -2)] as const,
      ],
    };
    assert.ok(verifyOAuth1(came, isTls ? 'https' : 'http', secret, hasToken ? 'a token secret' : ''), line);
  });
  fc.assert(same, { numRuns: 200 });
});

test('[response.clean] both secrets, the token as it is written and the signature are looked for in the answer', () => {
  const fields = {
    id: 'consumer-key',
    secret: 'consumer-secret',
    token: 'to/ken=&value',
    token_secret: 'token-secret',
  };
  const { secrets, signature } = signed({}, fillable(), fields);
  for (const wanted of [...Object.values(fields), encodeURIComponent(fields.token), signature])
    assert.ok(
      secrets.some((secret) => secret.equals(Buffer.from(wanted))),
      wanted,
    );
});

test('[dispatch.bound] refuses to sign before anything is sent: a form that streams', () => {
  const fields = { id: 'consumer-key', secret: 'consumer-secret', token: 'the-token', token_secret: 'token-secret' };
  assert.throws(
    () => signed({}, fillable('/', { body: null, headers: FORM }), fields),
    (error: unknown) => error instanceof DAuthError && /cannot be signed on its way/.test(error.publicMessage),
  );
  assert.match(signed({}, fillable('/', { body: null }), fields).line, /^authorization: OAuth oauth_consumer_key=/);
});
