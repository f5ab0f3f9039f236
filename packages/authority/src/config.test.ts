/** Where an authority may be: on TLS, or on this machine alone. Nothing of a configuration that says otherwise starts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from './config.ts';
import { makeSigner } from './signer.test-support.ts';

const { jwk, jkt } = makeSigner();

function parse(issuer: string, host = '127.0.0.1', resource = 'https://executor.example'): unknown {
  return parseConfig({
    ...{ issuer, listen: { host, port: 8443 }, database: 'sqlite:unused.db', operator: { jwk } },
    executor: { resource, identity: jkt },
  });
}

const LOOPBACK = ['http://127.0.0.1:8443', 'http://localhost:8443', 'http://[::1]:8443'];
const PLAIN = ['http://auth.example', 'http://10.0.0.1', 'http://127.0.0.1.evil.example', 'http://0.0.0.0'];

test('[token.bound] an issuer and an executor are https, or http on this machine', () => {
  for (const url of [...LOOPBACK, 'https://auth.example', 'https://auth.example:8443']) {
    assert.doesNotThrow(() => parse(url), url);
    assert.doesNotThrow(() => parse('https://auth.example:1', '127.0.0.1', url), url);
  }
  for (const url of PLAIN) {
    assert.throws(() => parse(url), { message: /"issuer" must be https, because it is not a loopback address\./ }, url);
    assert.throws(
      () => parse('https://auth.example', '127.0.0.1', url),
      { message: /"executor\.resource" must be https, because it is not a loopback address\./ },
      url,
    );
  }
});

test('[token.bound] what is served over plain http is served to this machine only', () => {
  const sentence = /"listen\.host" must be a loopback address while "issuer" is http\./;
  for (const issuer of LOOPBACK) {
    for (const host of ['127.0.0.1', '::1', 'localhost']) assert.doesNotThrow(() => parse(issuer, host), host);
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'auth.example'])
      assert.throws(() => parse(issuer, host), { message: sentence }, host);
  }
  assert.doesNotThrow(() => parse('https://auth.example', '0.0.0.0'), 'behind TLS of its own');
});
