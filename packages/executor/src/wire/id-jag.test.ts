/** ID-JAGs: an identity provider, the server of an API and that API over TLS, asked in turn, right ones and every wrong one. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { ServerResponse } from 'node:http';
import { DAuthError, parseInjections, type ErrorCode, type Injection } from '@dauth/protocol';
import { refusalOf } from '../support/calls.test-support.ts';
import { Endpoints } from '../support/endpoints.test-support.ts';
import { bearer, clientOf, type Asked, type Dispatches, type Provider } from '../support/tokens.test-support.ts';

const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';
const FIELDS = { token: 'a-subject-token-0123456789', idp_secret: 'secret-at-the-idp', secret: 'secret-at-the-server' };

const endpoints = Endpoints.forEach(2);
let idp: Provider;
/** The server of the API, and the API. */
let server: Provider;
let dispatches: Dispatches;
beforeEach(() => {
  [idp, server] = endpoints.providers as [Provider, Provider];
  ({ dispatches } = endpoints);
  idp.answer = (response, _, token) => reply(response, 200, idJag(token));
  server.answer = (response, _, token) => reply(response, 200, bearer(token));
});

function reply(response: ServerResponse, status: number, text: string, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}

/** RFC 8693 §2.2.1, as the draft has it. */
function idJag(token: string, members: object = {}): string {
  return JSON.stringify({
    access_token: token,
    issued_token_type: ID_JAG,
    token_type: 'N_A',
    expires_in: 300,
    ...members,
  });
}

const inject = (members: object = {}): readonly Injection[] =>
  parseInjections([
    {
      ...{ scheme: 'id_jag', endpoint: server.endpoint, audience: 'https://server.example', client_id: 'agent-there' },
      ...{ client_secret: '{secret}', scope: 'read', resource: ['https://api.example'] },
      idp: {
        ...{ endpoint: idp.endpoint, client_id: 'agent', client_secret: '{idp_secret}', subject_token: '{token}' },
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      },
      ...members,
    },
  ]);

const run = (options: Parameters<Dispatches['run']>[2] = {}) =>
  dispatches.run(server.server.origin, inject(), { fields: FIELDS, ...options });

/** Requests to the identity provider, to the token endpoint behind it, and to the API. */
const asked = (): readonly number[] => [idp.asked.length, server.asked.length, server.seen.length];

test('[token.bound] the identity provider is asked for an ID-JAG, the server for a token with it, and the API with that', async () => {
  const answer = await run();
  assert.deepEqual([answer.status, answer.body.toString()], [200, 'done']);
  const [first] = idp.asked as [Asked];
  assert.deepEqual(clientOf(first), ['agent', FIELDS.idp_secret]);
  assert.deepEqual(Object.fromEntries(first.form), {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    ...{ subject_token: FIELDS.token, subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
    ...{
      requested_token_type: ID_JAG,
      audience: 'https://server.example',
      resource: 'https://api.example',
      scope: 'read',
    },
  });
  const [second] = server.asked as [Asked];
  assert.deepEqual(clientOf(second), ['agent-there', FIELDS.secret]);
  assert.deepEqual(Object.fromEntries(second.form), {
    ...{ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: idp.given[0], scope: 'read' },
  });
  assert.deepEqual(server.seen, [`Bearer ${server.given[0]}`]);
});

test('[dispatch.bound] neither server is shown what is for the other', async () => {
  await run();
  const [first, second] = [idp.asked[0]!, server.asked[0]!].map(({ headers, form }) =>
    JSON.stringify([headers, [...form]]),
  );
  assert.equal(second!.includes(FIELDS.token), false);
  assert.equal(first!.includes(Buffer.from(`agent-there:${FIELDS.secret}`).toString('base64')), false);
  assert.equal(second!.includes(Buffer.from(`agent:${FIELDS.idp_secret}`).toString('base64')), false);
});

test('[response.clean] an API that echoes ID-JAG, token or subject gives none of them away', async () => {
  server.api = (request, response) => {
    const all = [idp.given[0]!, request.headers.authorization!, FIELDS.token, FIELDS.secret, FIELDS.idp_secret];
    response.setHeader('x-echo', idp.given[0]!);
    response.end(JSON.stringify([...all, Buffer.from(idp.given[0]!).toString('base64')]));
  };
  for (let call = 0; call < 2; call++) {
    const answer = await run();
    const all = JSON.stringify([answer.headers, answer.body.toString()]);
    for (const secret of [idp.given[0]!, server.given[0]!, ...Object.values(FIELDS)])
      assert.equal(all.includes(secret), false);
    assert.equal(all.includes(Buffer.from(idp.given[0]!).toString('base64').slice(4, -6)), false);
  }
});

test('both are asked once for many dispatches, and again once the API refuses the token', async () => {
  await Promise.all(Array.from({ length: 8 }, () => run()));
  assert.deepEqual(asked(), [1, 1, 8]);
  server.refused.add(server.given[0]!);
  assert.equal((await run()).status, 401);
  assert.deepEqual(asked(), [1, 1, 9]);
  await run();
  assert.deepEqual(asked(), [2, 2, 10]);
  assert.equal(server.asked[1]!.form.get('assertion'), idp.given[1], 'each ID-JAG is shown once');
});

const NO_ID_JAG: readonly (readonly [
  what: string,
  answer: (token: string) => readonly [status: number, text: string],
])[] = [
  ['an access token', (token) => [200, bearer(token)]],
  ['an access token that is called an ID-JAG', (token) => [200, idJag(token, { token_type: 'Bearer' })]],
  ['a token without a type', (token) => [200, idJag(token, { issued_token_type: undefined })]],
  [
    'another type of token',
    (token) => [200, idJag(token, { issued_token_type: 'urn:ietf:params:oauth:token-type:jwt' })],
  ],
  ['two tokens', (token) => [200, `{"access_token":"first-of-two-tokens",${idJag(token).slice(1)}`]],
  ['two types', (token) => [200, `{"issued_token_type":"urn:x",${idJag(token).slice(1)}`]],
  ['no token', () => [200, idJag('', { access_token: undefined })]],
  ['a token with a line end', (token) => [200, idJag(`${token}\r\nx: 1`)]],
  ['a token that could not be found again', () => [200, idJag('abc')]],
  ['a redirect', (token) => [302, idJag(token)]],
  ['201', (token) => [201, idJag(token)]],
  ['no JSON', () => [200, 'access_token=abc']],
];
for (const [what, answer] of NO_ID_JAG)
  test(`[dispatch.bound] an identity provider that answers with ${what} is refused, and nobody else is asked`, async () => {
    idp.answer = (response, _, token) => reply(response, ...answer(token), { location: server.endpoint });
    const error = await refusalOf(run());
    assert.equal(error.code, 'DOWNSTREAM_AUTH_FAILURE');
    assert.match(error.publicMessage, /^The identity provider did not answer with an ID-JAG that can be used/);
    assert.deepEqual(asked(), [1, 0, 0]);
  });

const REFUSED: readonly (readonly [status: number, code: ErrorCode])[] = [
  [400, 'DOWNSTREAM_AUTH_FAILURE'],
  [401, 'DOWNSTREAM_AUTH_FAILURE'],
  [408, 'DOWNSTREAM_TIMEOUT'],
  [429, 'DOWNSTREAM_RATE_LIMITED'],
  [503, 'DOWNSTREAM_UNREACHABLE'],
];
for (const [status, code] of REFUSED)
  test(`[dispatch.bound] with ${status} either ends the dispatch as ${code}, by its name, and says no more`, async () => {
    const said = JSON.stringify({ error: 'invalid_grant', error_description: FIELDS.token });
    const nothing = server.answer;
    server.answer = (response) => reply(response, status, said);
    const second = await refusalOf(run());
    assert.deepEqual([second.code, asked()], [code, [1, 1, 0]]);
    assert.match(second.publicMessage, /^The token endpoint /);
    server.answer = nothing;
    idp.answer = (response) => reply(response, status, said);
    const first = await refusalOf(run());
    assert.deepEqual([first.code, asked()], [code, [2, 1, 0]]);
    assert.match(first.publicMessage, /^The identity provider /);
    for (const { message, stack, cause } of [first, second])
      assert.equal(JSON.stringify([message, stack, cause ?? '']).includes(FIELDS.token), false);
  });

test('[revoke.fast] what ends between the two requests ends the dispatch before the second', async () => {
  let isRevoked = false;
  const { answer } = idp;
  idp.answer = (...all) => {
    isRevoked = true;
    answer!(...all);
  };
  const beforeSend = (): void => {
    if (isRevoked) throw new DAuthError('CONNECTION_REVOKED');
  };
  assert.equal((await refusalOf(run({ beforeSend }))).code, 'CONNECTION_REVOKED');
  assert.deepEqual(asked(), [1, 0, 0]);
});

test('[dispatch.bound] both requests together have the time of one', async () => {
  const { answer } = idp;
  idp.answer = (...all) => {
    dispatches.nowMs += 20_000;
    answer!(...all);
  };
  assert.equal((await refusalOf(run())).code, 'DOWNSTREAM_TIMEOUT');
  assert.equal(server.seen.length, 0);
});

test('[seal.bound] an ID-JAG is kept for its own envelope alone', async () => {
  await run();
  assert.equal((await refusalOf(run({ keeping: 8 }))).code, 'DECRYPTION_FAILED');
});
