/** Defences of ID-JAGs, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const SCHEME = 'packages/protocol/dist/id-jag.test.js';
const ASKED = 'packages/executor/dist/wire/id-jag.test.js';
const MEMORY = 'packages/executor/dist/secret/id-jag-memory.test.js';
const LEAVES = '[memory.clean] leaves no copy of a subject token, nor of an ID-JAG and the token that comes for it';
const apart = (what: string): string =>
  `[seal.bound] one key for both servers, with assertions that name ${what}, is refused`;
const refuses = (what: string): string =>
  `[dispatch.bound] an identity provider that answers with ${what} is refused, and nobody else is asked`;

const GUESSED = 'packages/executor/dist/secret/guessable.test.js';
const guessed = (what: string): string =>
  `[response.clean] ${what} of less than 12 octets could be guessed, wherever it is shown`;

export const ID_JAGS: readonly Mutant[] = [
  ...of('protocol', 'id-jag', SCHEME, [
    [
      'seal.bound',
      'if ([...proofKeys(client), ...proofKeys(idp)].some((field) => shown.includes(field)))',
      'if (shown.length > 99)',
      '[seal.bound] a scheme of ID-JAGs with a key that the other server is shown is refused',
    ],
    ['seal.bound', 'if (names.idp.includes(api.aud) || ', 'if (', apart("the identity provider's endpoint")],
    ['seal.bound', 'api.aud) || names.api.includes(idp.aud))', 'api.aud))', apart("the API's issuer")],
    ['seal.bound', 'api.endpoint, api.audience]', 'api.endpoint]', apart("the API's issuer")],
    [
      'response.clean',
      'return [...clientTemplates(scheme), ...clientTemplates(idp), idp.subject_token];',
      'return [...clientTemplates(scheme), ...clientTemplates(idp), idp.client_id];',
      'a scheme is read as it stands, with what has a default, and what either server is shown is searched for',
    ],
  ]),
  ...of('protocol', 'token-scheme', SCHEME, [
    [
      'seal.bound',
      '[scheme.endpoint, scheme.idp.endpoint]',
      '[scheme.endpoint, scheme.endpoint]',
      '[seal.bound] an envelope that allows either of its token endpoints is refused, and either may be pinned',
    ],
  ]),
  ...of('executor', 'secret/token-answer', ASKED, [
    [
      'dispatch.bound',
      'isText(type, N_A, true) && ',
      'type.length > 0 && ',
      refuses('an access token that is called an ID-JAG'),
    ],
    [
      'dispatch.bound',
      ' && isText(issued, ID_JAG_TYPE, false) ?',
      ' && issued.length > 0 ?',
      refuses('another type of token'),
    ],
  ]),
  ...of('executor', 'wire/token-call', ASKED, [
    [
      'response.clean',
      '    asker.assertions.add(ask.connection, token, expiresIn);\n',
      '',
      '[response.clean] an API that echoes ID-JAG, token or subject gives none of them away',
    ],
    [
      'dispatch.bound',
      'Math.max(endsAt - asker.monotonic(), 1)',
      'Math.max(endsAt, 1)',
      '[dispatch.bound] both requests together have the time of one',
    ],
    ['dispatch.bound', '    address: idp.address,\n', '', refuses('no token')],
  ]),
  ...of('executor', 'secret/token-request', MEMORY, [
    [
      'memory.clean',
      'const grant = open(before.grant);',
      'const grant = before.grant === undefined ? null : openToken(before.grant, plaintext);',
      LEAVES,
    ],
  ]),
  ...of('executor', 'secret/inject', GUESSED, [
    ['response.clean', ', ...shownFields(injections)]', ']', guessed('a client secret')],
    ['response.clean', "'subject_token', ", '', guessed('a token of somebody else’s')],
    [
      'response.clean',
      "...('idp' in scheme ? [{ ...scheme.idp }] : [])",
      '',
      guessed('the secret at an identity provider'),
    ],
    [
      'response.clean',
      '[...used, ...opened]',
      '[...used, ...opened.slice(0, 1)]',
      guessed('what an identity provider gave'),
    ],
  ]),
];
