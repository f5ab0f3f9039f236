/**
 * Assertions by which tokens are asked for, at an endpoint and an API that are one: what the API gives back of them is worth
 * nothing for as long as they are good, whatever became of the asking.
 */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { ServerResponse } from 'node:http';
import { DAuthError, LIMITS, parseInjections, type Injection } from '@dauth/protocol';
import { upstreamFor } from '../support/calls.test-support.ts';
import { Endpoints } from '../support/endpoints.test-support.ts';
import { makePair } from '../support/signer.test-support.ts';
import { bearer, Dispatches, type Asked, type Provider } from '../support/tokens.test-support.ts';

const KEYS = { RS256: makePair('RSA-2048'), ES256: makePair('P-256'), Ed25519: makePair('Ed25519') };
const pem = (alg: keyof typeof KEYS): string => KEYS[alg].privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';
const SUBJECT = 'a-subject-token-0123456789';

const endpoints = Endpoints.forEach(1);
let provider: Provider;
let dispatches: Dispatches;
beforeEach(() => {
  [provider] = endpoints.providers as [Provider];
  ({ dispatches } = endpoints);
  provider.answer = give({});
  provider.api = (_, response) => response.end(echoes());
});

/** A token as each kind of endpoint gives it, and an ID-JAG where one is asked for. */
const give =
  (members: object, status?: number) =>
  (response: ServerResponse, asked: Asked, token: string): void => {
    const isApp = asked.target.includes('/app/');
    response.writeHead(status ?? (isApp ? 201 : 200), { 'content-type': 'application/json' });
    const idJag = { access_token: token, token_type: 'N_A', issued_token_type: ID_JAG, expires_in: 300 };
    if (asked.form.has('requested_token_type')) return void response.end(JSON.stringify(idJag));
    response.end(isApp ? JSON.stringify({ token, expires_at: '2036-01-01T00:00:00Z' }) : bearer(token, members));
  };

/** JWTs that the endpoint was shown, in order. */
function shown(): readonly string[] {
  return provider.asked.flatMap(({ headers, form }) => {
    const all = [form.get('assertion'), form.get('client_assertion'), headers.authorization?.replace('Bearer ', '')];
    return all.filter((jwt) => jwt?.startsWith('ey') === true) as string[];
  });
}

const signatures = (): readonly string[] => shown().map((jwt) => jwt.slice(jwt.lastIndexOf('.') + 1));
/** Between what has no length of its own, so that base64 stands at any alignment. */
const echoes = (): string =>
  JSON.stringify(shown().flatMap((jwt) => [jwt, encodeURIComponent(jwt), Buffer.from(`x${jwt}`).toString('base64')]));

const scheme = (members: object): readonly Injection[] =>
  parseInjections([{ endpoint: provider.endpoint, private_key: '{key}', ...members }]);

interface Kind {
  readonly alg: keyof typeof KEYS;
  readonly members: () => object;
  /** Seconds for which its assertions are good. */
  readonly life: number;
  readonly fields?: Readonly<Record<string, string>>;
  /** Assertions of one exchange. */
  readonly each?: number;
}

const CLIENT = { client_id: 'reports', alg: 'ES256' } as const;
const SUBJECT_TYPE = { subject_token: '{token}', subject_token_type: 'urn:x:y' };
const KINDS: Readonly<Record<string, Kind>> = {
  'a JWT bearer': {
    ...{ alg: 'RS256', life: 300 },
    members: () => ({ scheme: 'jwt_bearer', alg: 'RS256', iss: 'robot' }),
  },
  'client credentials': { alg: 'ES256', life: 60, members: () => ({ scheme: 'client_credentials', ...CLIENT }) },
  'client credentials, by Ed25519': {
    ...{ alg: 'Ed25519', life: 60 },
    members: () => ({ scheme: 'client_credentials', ...CLIENT, alg: 'Ed25519' }),
  },
  'a token exchange': {
    ...{ alg: 'ES256', life: 60, fields: { token: SUBJECT } },
    members: () => ({ scheme: 'token_exchange', ...CLIENT, ...SUBJECT_TYPE }),
  },
  'a GitHub App': {
    ...{ alg: 'RS256', life: 540 },
    members: () => ({
      ...{ scheme: 'github_app', iss: '12345' },
      endpoint: `${provider.endpoint}/app/installations/42/access_tokens`,
    }),
  },
  'an ID-JAG': {
    ...{ alg: 'ES256', life: 60, fields: { token: SUBJECT }, each: 2 },
    members: () => ({
      ...{ scheme: 'id_jag', ...CLIENT, aud: 'https://server.example', audience: 'https://server.example' },
      idp: {
        endpoint: provider.endpoint,
        ...CLIENT,
        aud: 'https://idp.example',
        private_key: '{key}',
        ...SUBJECT_TYPE,
      },
    }),
  },
};

const run = ({ alg, members, fields = {} }: Kind) =>
  dispatches.run(provider.server.origin, scheme(members()), { fields: { key: pem(alg), ...fields } });

async function refusal(call: Promise<unknown>): Promise<DAuthError> {
  const error = await call.then(
    () => assert.fail('it was not refused'),
    (refused: unknown) => refused,
  );
  assert.ok(error instanceof DAuthError, String(error));
  return error;
}

/** What nobody can make without the key; all of it but what base64 mixes with its neighbours. */
function assertStarred(body: Buffer, secrets: readonly string[]): void {
  const text = body.toString('latin1');
  for (const secret of secrets) {
    assert.equal(text.includes(secret), false);
    const inBase64 = Buffer.from(secret).toString('base64').slice(8, -8);
    assert.equal([0, 1, 2].some((at) => text.includes(shifted(secret, at))) || text.includes(inBase64), false);
  }
}

const shifted = (secret: string, by: number): string =>
  Buffer.from(`${'x'.repeat(by)}${secret}`)
    .toString('base64')
    .slice(8, -8);

for (const [what, kind] of Object.entries(KINDS)) {
  test(`[response.clean] an API that echoes the assertions of ${what} gives none away while they are good`, async () => {
    for (let call = 1; call <= 2; call++) {
      const answer = await run(kind);
      assert.equal(signatures().length, kind.each ?? 1, 'the second call takes the same token');
      assertStarred(answer.body, signatures());
      assert.ok(answer.outcome.redactions >= 3 * (kind.each ?? 1), 'where each of them stood');
    }
    dispatches.nowMs += (kind.life + 59) * 1_000;
    assertStarred((await run(kind)).body, signatures());
    // A minute longer than it is good, for servers whose clock is behind; then nothing is searched for that needs not be.
    dispatches.nowMs += 2_000;
    const { body } = await run(kind);
    assert.ok(signatures().every((signature) => body.includes(signature)));
  });

  test(`[response.clean] an API that echoes the assertions of ${what} for which no token came gives none away`, async () => {
    provider.answer = (response) => response.writeHead(503).end('later');
    assert.equal((await refusal(run(kind))).code, 'DOWNSTREAM_UNREACHABLE');
    provider.answer = give({});
    const answer = await run(kind);
    assert.ok(signatures().length > 1);
    assertStarred(answer.body, signatures());
  });
}

const BEARER = KINDS['a JWT bearer']!;
const CREDENTIALS = KINDS['client credentials']!;

test('[response.clean] an API that refuses a token is not told the assertions of the one before', async () => {
  await run(CREDENTIALS);
  provider.refused.add(provider.given[0]!);
  await run(CREDENTIALS);
  const answer = await run(CREDENTIALS);
  assert.equal(signatures().length, 2);
  assertStarred(answer.body, signatures());
});

test('[response.clean] an ID-JAG that was never shown is starred out, too', async () => {
  const kind = KINDS['an ID-JAG']!;
  provider.answer = (response, asked, token) =>
    asked.form.has('assertion') ? response.writeHead(503).end() : give({})(response, asked, token);
  await refusal(run(kind));
  provider.answer = give({});
  const [unshown] = provider.given;
  provider.api = (_, response) => response.end(`unshown ${unshown}`);
  assertStarred((await run(kind)).body, [unshown!]);
});

test('[response.clean] a token endpoint that gives an assertion back in the place of a token gives none', async () => {
  provider.answer = (response, asked) =>
    give({})(response, asked, asked.form.get('assertion') ?? asked.form.get('client_assertion')!);
  for (const kind of [BEARER, CREDENTIALS]) {
    const error = await refusal(run(kind));
    assert.equal(error.code, 'DOWNSTREAM_AUTH_FAILURE');
    assert.match(error.publicMessage, /^The token endpoint did not answer with a bearer token/);
  }
  assert.deepEqual(provider.seen, []);
});

test('[response.clean] a token endpoint that shows the assertion in an error is quoted by nobody', async () => {
  provider.answer = (response, asked) =>
    response.writeHead(400).end(JSON.stringify({ error: 'x', error_description: asked.form.get('client_assertion') }));
  const error = await refusal(run(CREDENTIALS));
  const said = JSON.stringify([error.message, error.publicMessage, error.stack, error.cause ?? '']);
  assert.ok([...shown(), ...signatures()].every((secret) => !said.includes(secret)));
});

test('[response.clean] however often an endpoint fails another token is asked for, and answers are searched for the newest', async () => {
  provider.answer = (response) => response.writeHead(503).end();
  for (let call = 0; call < LIMITS.assertions; call++)
    assert.equal((await refusal(run(CREDENTIALS))).code, 'DOWNSTREAM_UNREACHABLE');
  provider.answer = give({});
  const answer = await run(CREDENTIALS);
  assert.equal(answer.status, 200);
  assertStarred(answer.body, signatures().slice(-LIMITS.assertions));
});

test('[memory.clean] where the process leaves what it frees as it is, no key of P-256 signs, and nothing is opened for it', async (t) => {
  const upstream = upstreamFor(endpoints.authority);
  t.after(() => upstream.close());
  for (const [what, { alg, members, fields = {} }] of Object.entries(KINDS)) {
    const elsewhere = new Dispatches(upstream);
    const asked = provider.asked.length;
    const call = elsewhere.run(provider.server.origin, scheme(members()), { fields: { key: pem(alg), ...fields } });
    if (alg !== 'ES256') {
      await call;
      assert.ok(provider.asked.length > asked, what);
      continue;
    }
    const { code, publicMessage } = await refusal(call);
    assert.deepEqual([code, elsewhere.opened, provider.asked.length], ['POLICY_DENIED', 0, asked], what);
    assert.match(publicMessage, /takes no key of P-256 that signs: its C library does not overwrite what is freed/);
  }
});
