import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAuthError } from './errors.ts';
import { parseResponseHeaders } from './response-headers.ts';

test('[seal.bound] an owner lets back cookies and challenges, and what is for a hop or in our own words never', () => {
  for (const names of [['set-cookie'], ['www-authenticate'], ['set-cookie', 'www-authenticate']])
    assert.deepEqual(parseResponseHeaders(names), names);
  for (const value of [
    ...[null, 'set-cookie', {}, [], [1], ['set-cookie', 'set-cookie'], ['Set-Cookie'], ['set_cookie'], ['']],
    ...['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'proxy-connection'].map(only),
    ...['proxy-authenticate', 'content-length', 'content-encoding', 'set-cookie2', 'clear-site-data'].map(only),
    ...['dauth-upstream', 'dauth-error', 'dauth-receipt', 'dauth-anything', 'dpop-nonce', 'dpop-anything'].map(only),
    ...['x-anything', '*', 'set-cookie*'].map(only),
  ])
    assert.throws(
      () => parseResponseHeaders(value),
      (error: unknown) => error instanceof DAuthError && error.code === 'INVALID_REQUEST',
      JSON.stringify(value),
    );
});

function only(name: string): readonly string[] {
  return [name];
}
