/** What the terminal says of a credential that is exchanged, before it is sealed: each place that is asked, and by what proof. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { SchemeInput } from '@dauth/client';
import { describePolicy } from './policy.ts';

const ID_JAG: SchemeInput = {
  ...{ scheme: 'id_jag', endpoint: 'https://login.example/token', audience: 'https://login.example', scope: 'read' },
  ...{ client_id: 'agent-1', client_secret: '{secret}' },
  idp: {
    ...{ endpoint: 'https://idp.example/token', client_id: 'agent', private_key: '{key}', alg: 'ES256' },
    ...{ subject_token: '{token}', subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
  },
};

function said(t: TestContext, scheme: SchemeInput): string {
  const lines: string[] = [];
  const { mock } = t.mock.method(process.stderr, 'write', (text: string) => lines.push(text) > 0);
  describePolicy(
    {
      ...{ issuer: 'https://auth.example', owner: 'ada', connection: 'api', servers: ['https://mcp.example/mcp'] },
      ...{
        allow: [{ origin: 'https://api.example', methods: ['GET'], paths: ['/**'] }],
        inject: [scheme],
        expiresAt: 1,
      },
    },
    'software',
  );
  mock.restore();
  return lines.join('');
}

test('of an ID-JAG both places are said where the credential goes', (t) => {
  const text = said(t, ID_JAG);
  assert.match(text, /is exchanged at https:\/\/idp\.example\/token {2}for an ID-JAG for https:\/\/login\.example\n/);
  assert.match(text, /and that at {5}https:\/\/login\.example\/token {2}for a token by id_jag, scope read\n/);
});

test('of a client that proves itself by a key that is said', (t) => {
  const key = { client_id: 'reports', private_key: '{token}', alg: 'Ed25519' } as const;
  const text = said(t, { scheme: 'client_credentials', endpoint: 'https://login.example/token', ...key });
  assert.match(
    text,
    /is exchanged at https:\/\/login\.example\/token {2}for a token by client_credentials, signed for by its key\n/,
  );
});
