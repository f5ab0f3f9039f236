/** Each member of `AuthorizationConfig` does what it says, at the gate: its default, and another value. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryReplayStore } from '@dauth/verify';
import type { AuthorizationConfig } from './config.ts';
import {
  authorityAnswer,
  both,
  CONFIG,
  fetchOver,
  ISSUER,
  makeGate,
  makeToken,
  METADATA,
  NOW,
  post,
  RESOURCE,
  said,
} from './gate.test-support.ts';

const OWN = { resource: RESOURCE, authorizationServers: [ISSUER], requiredClaims: [] } as const;
const shared = () => ({ replay: new MemoryReplayStore({ now: () => NOW }) });
const call = async (config: AuthorizationConfig, claims: object = {}, proof: object = {}) => {
  const answer = await makeGate(config, undefined, shared()).fetch(post(both(makeToken(claims), proof)));
  return [answer.status, answer.ok ? undefined : (await said(answer)).detail];
};

test('[token.bound] "dpopLeeway": a proof is taken at that age and not a second later', async () => {
  const TOO_OLD = 'The DPoP proof is too old (iat). Sign a fresh proof for each request.';
  for (const [config, age] of [
    [CONFIG, 300],
    [{ ...CONFIG, dpopLeeway: 5 }, 5],
  ] as const) {
    assert.deepEqual(await call(config, {}, { iat: NOW - age }), [200, undefined]);
    assert.deepEqual(await call(config, {}, { iat: NOW - age - 1 }), [401, TOO_OLD]);
  }
});

test('[token.bound] "maxTokenLifetime": a token may live so long and not a second longer', async () => {
  const TOO_LONG = 'The access token is valid for longer than allowed.';
  for (const [config, life] of [
    [CONFIG, 300],
    [OWN, 300],
    [{ ...CONFIG, maxTokenLifetime: 60 }, 60],
    [{ ...OWN, maxTokenLifetime: 3_600 }, 3_600],
  ] as const) {
    assert.deepEqual(await call(config, { iat: NOW, exp: NOW + life }), [200, undefined]);
    assert.deepEqual(await call(config, { iat: NOW, exp: NOW + life + 1 }), [401, TOO_LONG]);
  }
});

test('[token.bound] "requiredClaims": what they name has to be there, by default DAuth’s own', async () => {
  const LACKS = 'The access token lacks a claim that this server requires.';
  const bare = { grant_id: undefined, 'ddls:org': undefined };
  assert.deepEqual(await call(CONFIG, bare), [401, LACKS]);
  assert.deepEqual(await call(OWN, bare), [200, undefined]);
  assert.deepEqual(await call({ ...OWN, requiredClaims: ['amr'] }, bare), [401, LACKS]);
  assert.deepEqual(await call({ ...OWN, requiredClaims: ['amr'] }, { ...bare, amr: ['hwk'] }), [200, undefined]);
});

test('"requiredScopes": none by default, and a challenge that names those that lack', async () => {
  const { requiredScopes: _, ...none } = CONFIG;
  assert.deepEqual(await call(none, { scope: undefined }), [200, undefined]);
  const LACKS = 'The token lacks a scope this needs. Ask for one with the scopes named.';
  assert.deepEqual(await call(CONFIG, { scope: undefined }), [403, LACKS]);
});

test('"metadataPath": the document is there, and every challenge points to it', async () => {
  const gate = makeGate({ ...CONFIG, metadataPath: '/about' });
  const document = await gate.fetch(new Request('http://any/about'));
  assert.equal(((await document.json()) as { resource: string }).resource, RESOURCE);
  assert.equal((await gate.fetch(new Request('http://any/.well-known/oauth-protected-resource/mcp'))).status, 401);
  const { challenge } = await said(await gate.fetch(post({})));
  assert.match(challenge, /resource_metadata="https:\/\/mcp\.example\/about"/);
});

for (const [config, seconds] of [
  [CONFIG, 300],
  [{ ...CONFIG, cacheTtl: 10 }, 10],
] as const) {
  test(`"cacheTtl": metadata and keys are asked for again after ${seconds} seconds`, async () => {
    const asked: string[] = [];
    let ms = 0;
    const fetch = fetchOver((url) => {
      asked.push(url);
      return authorityAnswer(url);
    });
    const gate = makeGate(config, undefined, { fetch, monotonic: () => ms });
    const first = [`${ISSUER}/.well-known/oauth-authorization-server`, METADATA.jwks_uri];
    for (const [moment, expected] of [
      [0, first],
      [seconds * 1_000, first],
      [seconds * 1_000 + 1, [...first, ...first]],
    ] as const) {
      ms = moment;
      assert.equal((await gate.fetch(post(both()))).status, 200);
      assert.deepEqual(asked, expected);
    }
  });
}
