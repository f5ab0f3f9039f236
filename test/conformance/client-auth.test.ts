/** `mcpProvider` under the suite `auth` of the official conformance tests, whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT, conformance } from './client-suite.ts';

const AUTH = [
  ...['metadata-default', 'metadata-var1', 'metadata-var2', 'metadata-var3', 'basic-cimd', 'pre-registration'],
  ...['scope-from-www-authenticate', 'scope-from-scopes-supported', 'scope-omitted-when-undefined'],
  ...['scope-step-up', 'scope-retry-limit'],
  ...['token-endpoint-auth-basic', 'token-endpoint-auth-post', 'token-endpoint-auth-none'],
].map((name) => `auth/${name}`);

test('every scenario of the suite `auth` passes without a warning', async () => {
  const { code, text, passed } = await conformance(CLIENT, '--suite', 'auth');
  assert.deepEqual(Object.fromEntries(passed), Object.fromEntries(AUTH.map((name) => [name, true])), text);
  assert.equal(code, 0, text);
});

test('control: a client that does nothing passes none of them', async () => {
  const { code, text, passed } = await conformance('true', '--suite', 'auth');
  assert.deepEqual(Object.fromEntries(passed), Object.fromEntries(AUTH.map((name) => [name, false])), text);
  assert.equal(code, 1);
});
