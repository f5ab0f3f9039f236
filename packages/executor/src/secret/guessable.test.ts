/** Which values make an answer one that is held until its end (§5.3): all that it is searched for and that is no name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInjections } from '@dauth/protocol';
import { plaintextOf } from '../support/calls.test-support.ts';
import { inject } from './inject.ts';
import { keepToken } from './kept-token.ts';
import { wipe } from './memory.ts';

const SHORT = '48213377';
const LONG = 'another-long-value-0123';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const CLIENT = {
  ...{ scheme: 'client_credentials', endpoint: 'https://login.example/token' },
  ...{ client_id: '{name}', client_secret: '{secret}' },
};
const EXCHANGE = {
  ...{ scheme: 'token_exchange', endpoint: 'https://login.example/token' },
  ...{ subject_token: '{subject}', subject_token_type: ID_TOKEN },
};
const ID_JAG = {
  ...{ scheme: 'id_jag', endpoint: 'https://server.example/token', audience: 'https://server.example' },
  ...{ client_id: 'agent', client_secret: '{secret}' },
  idp: {
    ...{ endpoint: 'https://idp.example/token', client_id: 'agent', client_secret: '{other}' },
    ...{ subject_token: '{subject}', subject_token_type: ID_TOKEN },
  },
};

/** Of a call with a token that these fields were exchanged for, and what stood between. */
function isGuessable(scheme: object, fields: Readonly<Record<string, string>>, between = LONG): boolean {
  using plaintext = plaintextOf(fields);
  const kept = {
    ...keepToken(Buffer.from('a-long-access-token-0123456789'), plaintext),
    behind: [keepToken(Buffer.from(between), plaintext)],
  };
  const request = { target: '/x', method: 'POST', host: 'api.example', headers: [], isTls: true, body: null };
  const more = { atMs: 0, random: () => 'never' };
  const filled = inject(plaintext, parseInjections([scheme]), { ...request, ...more }, undefined, kept);
  wipe(filled.target, filled.lines, ...filled.secrets);
  return filled.isGuessable;
}

for (const [what, scheme, fields, between] of [
  ['a client secret', CLIENT, { secret: SHORT, name: LONG }, LONG],
  ['a token of somebody else’s', EXCHANGE, { subject: SHORT }, LONG],
  ['the secret at an identity provider', ID_JAG, { secret: LONG, other: SHORT, subject: LONG }, LONG],
  ['what an identity provider gave', ID_JAG, { secret: LONG, other: `${LONG}4`, subject: `${LONG}5` }, SHORT],
] as const)
  test(`[response.clean] ${what} of less than 12 octets could be guessed, wherever it is shown`, () => {
    assert.equal(isGuessable(scheme, fields, between), true);
  });

test('a name of a client is no secret, however short it is', () => {
  assert.equal(isGuessable(CLIENT, { secret: LONG, name: SHORT }), false);
});
