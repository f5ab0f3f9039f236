/** `mcpProvider` under the official conformance tests of what came after the suite `auth`: MCP 2026-07-28, and DPoP (SEP-1932). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT, conformance } from './client-suite.ts';

const LATER = [
  ...['iss-supported', 'iss-not-advertised', 'iss-supported-missing', 'iss-wrong-issuer', 'iss-unexpected'],
  ...['iss-normalized', 'metadata-issuer-mismatch', 'resource-mismatch', 'authorization-server-migration'],
  ...['offline-access-scope', 'offline-access-not-supported'],
].map((name) => `auth/${name}`);

test('every scenario of 2026-07-28 about authorization passes without a warning', async () => {
  // The suite `draft` holds others, too, that are about the transport and not about a provider.
  const { text, passed } = await conformance(CLIENT, '--suite', 'draft');
  const found = Object.fromEntries([...passed].filter(([name]) => name.startsWith('auth/')));
  assert.deepEqual(found, Object.fromEntries(LATER.map((name) => [name, true])), text);
});

for (const scenario of ['auth/dpop', 'auth/dpop-nonce'])
  test(`the scenario ${scenario} passes without a warning`, async () => {
    const { code, text } = await conformance(CLIENT, '--scenario', scenario);
    assert.match(text, /Passed: (\d+)\/\1, 0 failed, 0 warnings/);
    assert.equal(code, 0, text);
  });

test('control: a server without metadata, which says nothing of PKCE, is refused', async () => {
  const { code, text } = await conformance(CLIENT, '--scenario', 'auth/2025-03-26-oauth-endpoint-fallback');
  assert.notEqual(code, 0);
  assert.match(text, /publishes no metadata, so nothing says that it checks PKCE/);
});
