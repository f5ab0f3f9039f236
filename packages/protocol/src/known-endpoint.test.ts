/** Known token endpoints: by host, by path and by name, however a path is spelled; and what only looks like one. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DAuthError } from './errors.ts';
import { assertNoKnownTarget, assertNoTokenEndpoint, knownTokenEndpoint } from './known-endpoint.ts';
import { parseOrigin } from './origin.ts';
import { parseAllow } from './policy.ts';

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/paths.json', import.meta.url), 'utf8')) as {
  token_endpoints: { origin: string; path: string; rule: string | null }[];
};

for (const { origin, path, rule } of vectors.token_endpoints) {
  test(`[response.clean] vector: ${origin}${path} is ${rule === null ? 'no known' : 'a known'} token endpoint`, () => {
    assert.equal(knownTokenEndpoint(parseOrigin(origin), path), rule);
  });
}

test('[response.clean] a known token endpoint is refused with the rule that knows it', () => {
  assert.throws(
    () => assertNoTokenEndpoint(parseOrigin('https://login.example'), '/oauth/token'),
    (error: unknown) =>
      error instanceof DAuthError &&
      error.code === 'POLICY_DENIED' &&
      error.publicMessage ===
        'This is a known token endpoint (a path that ends with token, behind oauth): its answer is a credential, which never goes back. The owner can seal one that the executor exchanges there by itself.',
  );
  assertNoTokenEndpoint(parseOrigin('https://login.example'), '/oauth/tokeninfo');
});

test('[response.clean] rules that name a known token endpoint are not sealed; patterns that include one are', () => {
  const rules = (origin: string, ...paths: string[]) => parseAllow([{ origin, methods: ['POST'], paths }]);
  for (const path of ['/login/oauth/access_token', '/app/installations/*/access_tokens', '/oauth2/*/token'])
    assert.throws(
      () => assertNoKnownTarget(rules('https://api.github.com', '/user', path)),
      (error: unknown) =>
        error instanceof DAuthError &&
        error.code === 'INVALID_REQUEST' &&
        error.publicMessage.startsWith('"allow" names a known token endpoint (a path'),
    );
  assert.throws(() => assertNoKnownTarget(rules('https://sts.amazonaws.com', '/**')), /the host sts.amazonaws.com/);
  assertNoKnownTarget(rules('https://api.github.com', '/**', '/repos/*/*', '/oauth/**', '/*'));
});
