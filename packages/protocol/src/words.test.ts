import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDirectory } from './directory.ts';
import { isConsumed, isDropped, isMethodOverride, isPathOverride, parseBufferedDispatch } from './dispatch.ts';
import { asDAuthError, DAuthError, ERRORS, isErrorCode, problemDocument } from './errors.ts';
import { isHandle, makeHandle, parseHandle } from './handle.ts';
import { parseInjections } from './inject.ts';
import { parsePublicJwk, thumbprintInput } from './jwk.ts';
import { jwsSigningInput, splitJws } from './jws.ts';
import { isNeverASlot } from './slot-name.ts';
import { parseStatus } from './status.ts';

const refused = (fn: () => unknown, message: RegExp) =>
  assert.throws(
    fn,
    (error: unknown) =>
      error instanceof DAuthError && error.code === 'INVALID_REQUEST' && message.test(error.publicMessage),
  );

test('a handle is a lowercase UUIDv7 under its prefix and carries its time', () => {
  const handle = makeHandle(0x0190_0000_0000, new Uint8Array(10).fill(255));
  assert.equal(handle, 'ddls:conn:01900000-0000-7fff-bfff-ffffffffffff');
  for (const bad of [handle.toUpperCase(), `${handle}0`, handle.replace('-7', '-4'), `${handle}\n`, '', 7, null]) {
    assert.equal(isHandle(bad), false);
    refused(() => parseHandle(bad), /UUIDv7/);
  }
});

test('every error code has a 4xx or 5xx status and a sentence, and unknown errors become INTERNAL', () => {
  for (const code of Object.keys(ERRORS)) {
    assert.ok(isErrorCode(code));
    const error = new DAuthError(code);
    assert.ok(error.status >= 400 && error.status < 600 && error.publicMessage.endsWith('.'), code);
  }
  assert.equal(isErrorCode('toString'), false);
  assert.equal(isErrorCode('__proto__'), false);
  const problem = problemDocument(asDAuthError(new Error('ghp_secret at /home/x')), 'req-1');
  assert.equal(problem.code, 'INTERNAL');
  assert.equal(JSON.stringify(problem).includes('secret'), false);
});

test('a private key is refused where a public one is wanted', () => {
  refused(() => parsePublicJwk({ kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43), d: 'A'.repeat(43) }), /private/);
  refused(() => parsePublicJwk({ kty: 'oct', k: 'AAAA' }), /private/);
  refused(() => parsePublicJwk({ kty: 'EC', crv: 'P-384', x: 'A'.repeat(43), y: 'A'.repeat(43) }), /type/);
});

test('the thumbprint input is that of RFC 7638 section 3', () => {
  const jwk = parsePublicJwk({
    kid: 'x',
    use: 'sig',
    y: 'B'.repeat(42) + 'A',
    x: 'A'.repeat(43),
    crv: 'P-256',
    kty: 'EC',
  });
  assert.equal(thumbprintInput(jwk), `{"crv":"P-256","kty":"EC","x":"${'A'.repeat(43)}","y":"${'B'.repeat(42)}A"}`);
});

test('a compact JWS has three non-empty canonical segments', () => {
  const input = jwsSigningInput({ alg: 'ES256' }, { a: 1 });
  assert.equal(splitJws(`${input}.AAAA`, 1_000).signingInput, input);
  for (const bad of [input, `${input}.`, `${input}.AA=`, `${input}.AAAA.`, `.${input}`, ` ${input}.AAAA`]) {
    refused(() => splitJws(bad, 1_000), /./);
  }
});

test('a buffered dispatch is read strictly', () => {
  const call = (request: object) => ({ connection_handle: 'ddls:conn:01900000-0000-7000-8000-000000000000', request });
  const parsed = parseBufferedDispatch(call({ method: 'POST', path: '/x', body: { a: 1 }, headers: { 'X-A': ' b ' } }));
  assert.equal(new TextDecoder().decode(parsed.body!), '{"a":1}');
  assert.deepEqual(parsed.headers, [['x-a', 'b']]);
  assert.equal(parsed.bodyIsJson, true);
  assert.deepEqual(
    [...parseBufferedDispatch(call({ method: 'PUT', path: '/', body_base64: '/+8=' })).body!],
    [255, 239],
  );
  refused(() => parseBufferedDispatch(call({ method: 'get', path: '/' })), /uppercase/);
  refused(() => parseBufferedDispatch(call({ method: 'GET', path: '/', url: 'https://evil.example' })), /not defined/);
  refused(() => parseBufferedDispatch(call({ method: 'GET', path: '/', headers: { 'x\r\ny': '1' } })), /token/);
  refused(
    () => parseBufferedDispatch(call({ method: 'GET', path: '/', headers: { x: '1\r\ny: 2' } })),
    /cannot be sent/,
  );
  refused(() => parseBufferedDispatch(call({ method: 'GET', path: '/', body: 'a', body_base64: 'QQ' })), /Give/);
});

test('credentials, framing and routing headers of a caller are consumed, secrets of an upstream dropped', () => {
  for (const name of [
    'authorization',
    'dpop',
    'cookie',
    'host',
    'transfer-encoding',
    'proxy-authorization',
    'x-forwarded-host',
    'dauth-origin',
    'te',
    'range',
  ]) {
    assert.equal(isConsumed(name), true, name);
  }
  for (const name of ['accept', 'content-type', 'x-github-api-version']) assert.equal(isConsumed(name), false, name);
  for (const name of ['set-cookie', 'connection', 'dauth-receipt', 'dpop-nonce', 'clear-site-data'])
    assert.equal(isDropped(name), true, name);
  for (const name of ['link', 'etag', 'x-ratelimit-remaining']) assert.equal(isDropped(name), false, name);
});

test('a name with "_" is the name with "-", as CGI reads it', () => {
  for (const name of [
    'content_length',
    'transfer_encoding',
    'dauth_origin',
    'x_forwarded_for',
    'proxy_authorization',
  ]) {
    assert.equal(isConsumed(name), true, name);
    assert.equal(isNeverASlot(name), true, name);
  }
  const twins = ['x-api-key', 'x_api_key'].map((name) => ({ in: 'header', name, value: '{token}' }));
  refused(() => parseInjections(twins), /same entry twice/);
});

test('headers that ask for another method, path or host are known and are never a slot', () => {
  for (const name of [
    'x-http-method',
    'x-http-method-override',
    'x-method-override',
    'x-original-method',
    'x_http_method_override',
  ]) {
    assert.deepEqual([isMethodOverride(name), isNeverASlot(name)], [true, true], name);
  }
  for (const name of [
    'x-original-url',
    'x-rewrite-url',
    'x-override-url',
    'x-original-uri',
    'x-http-path-override',
    'x-http-host-override',
    'x-original-host',
    'x-host',
    'x_original_url',
    'destination',
    'x-amz-copy-source',
    'x_amz_copy_source',
    'x-amz-rename-source',
    'x-ms-copy-source',
  ]) {
    assert.deepEqual([isPathOverride(name), isNeverASlot(name)], [true, true], name);
  }
  for (const name of ['x-api-key', 'x-hostname', 'x-request-id', 'x-github-api-version'])
    assert.deepEqual([isMethodOverride(name), isPathOverride(name), isNeverASlot(name)], [false, false, false], name);
  for (const name of ['x-forwarded', 'x-forwarded-prefix', 'via'])
    assert.deepEqual([isConsumed(name), isNeverASlot(name)], [true, true], name);
});

test('a status message with an unknown kind, status or member is refused', () => {
  const message = (changes: unknown[]) => ({
    iss: 'https://a.example',
    aud: 'https://e.example',
    sid: 's',
    n: 0,
    revision: 1,
    iat: 1,
    at_ms: 1_000,
    changes,
  });
  parseStatus(message([{ kind: 'revoked', revision: 1, what: 'token', id: 'j' }]));
  parseStatus(message([{ kind: 'skipped', revision: 1 }]));
  refused(() => parseStatus(message([{ kind: 'skipped', revision: 1, id: 'j' }])), /not defined/);
  refused(() => parseStatus(message([{ kind: 'granted', revision: 1, what: 'token', id: 'j' }])), /kind/);
  refused(() => parseStatus(message([{ kind: 'revoked', revision: 1, what: 'world', id: 'j' }])), /cannot be revoked/);
  refused(() => parseStatus({ ...message([]), extra: 1 }), /not defined/);
  refused(() => parseStatus({ ...message([]), at_ms: 0.5 }), /"at_ms" must be an integer/);
});

test('a key directory is short-lived and its keys fit their algorithms', () => {
  const key = { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43), kid: 'A'.repeat(43), alg: 'HPKE-3', nbf: 0, exp: 9 };
  const directory = (over: object, of: object = key) => ({
    ...{
      iss: 'https://e.example',
      resource: 'https://e.example',
      seq: 1,
      keys: [of],
      evidence: { level: 'software' },
      iat: 0,
      exp: 9,
    },
    ...over,
  });
  parseDirectory(directory({}));
  refused(() => parseDirectory(directory({ exp: 86_401 })), /at most a day/);
  refused(() => parseDirectory(directory({ evidence: { level: 'magic' } })), /level/);
  refused(() => parseDirectory(directory({}, { ...key, alg: 'HPKE-7' })), /fit its algorithm/);
  refused(() => parseDirectory(directory({}, { ...key, alg: 'RSA-OAEP' })), /algorithm/);
  refused(() => parseDirectory(directory({ keys: [key, key] })), /twice/);
  refused(() => parseDirectory(directory({ keys: [] })), /empty/);
});
