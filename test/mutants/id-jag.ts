/** Defences of ID-JAGs, each with the test that must miss it. Data only; see mutant.ts. */
import { of, type Mutant } from './mutant.ts';

const SCHEME = 'packages/protocol/dist/id-jag.test.js';
const ASKED = 'packages/executor/dist/wire/id-jag.test.js';
const MEMORY = 'packages/executor/dist/secret/id-jag-memory.test.js';
const LEAVES = '[memory.clean] leaves no copy of a subject token, nor of an ID-JAG and the token that comes for it';
const apart = (what: string): string =>
  `[seal.bound] one key for both servers, with assertions that name ${what}, is refused`;
const NAMES = 'packages/protocol/dist/server-names.test.js';
const named = (name: string): string =>
  `[seal.bound] "${name}" is taken for a name of https://idp.example/realms/a/token`;
const anyServer = (name: string): string => `[seal.bound] "${name}" is taken for a name of any server`;
const BACKSLASH =
  '[seal.bound] a name with a backslash, which some parsers read as a slash, is taken for one of any server';
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
    ['seal.bound', '    [api.aud, idp.aud],\n', '', apart('both servers alike')],
    ['seal.bound', '    [api.aud, idp.endpoint],\n', '', apart("the identity provider's endpoint")],
    ['seal.bound', '    [idp.aud, api.endpoint],\n', '', apart("the API's endpoint")],
    ['seal.bound', '    [idp.aud, api.audience],\n', '', apart("the API's issuer")],
    ['seal.bound', 'mayNameOneServer(one, other)', 'one === other', apart("the API's issuer in other letters")],
    [
      'seal.bound',
      'mayNameOneServer(one, other)',
      'one === other',
      '[seal.bound] an envelope with one key for both servers, whose names are one, is read by nobody',
    ],
    [
      'seal.bound',
      'namedFields([api.aud, idp.aud]).length > 0',
      'namedFields([api.aud, idp.aud]).length > 9',
      '[seal.bound] one key for both servers, with an assertion for whom a field says, is refused',
    ],
    [
      'response.clean',
      'return [...clientTemplates(scheme), ...clientTemplates(idp), idp.subject_token];',
      'return [...clientTemplates(scheme), ...clientTemplates(idp), idp.client_id];',
      'a scheme is read as it stands, with what has a default, and what either server is shown is searched for',
    ],
  ]),
  ...of('protocol', 'server-names', NAMES, [
    [
      'seal.bound',
      'if (one === null || other === null) return true;',
      'if (one === null || other === null) return false;',
      anyServer('https://[::1]/'),
    ],
    ['seal.bound', '    .toLowerCase();', '    .trim();', named('https://idp.example/Realms/A')],
    ['seal.bound', 'LABEL.test(label) && ', '', anyServer('https://idp.example@other.example/')],
    ['seal.bound', '[^!-[\\]-~]', '[^!-~]', BACKSLASH],
    ['seal.bound', '20|23|', '20|', anyServer('https://other.example/%23x')],
    [
      'seal.bound',
      "digits === '' || DEFAULT_PORTS.includes(port)",
      "digits === ''",
      named('https://idp.example:443/realms/a'),
    ],
    ['seal.bound', "plain.includes('..') ? null : ", '', anyServer('https://other.example/realms/b/../a')],
    ['seal.bound', ' || AROUND.test(text)', '', anyServer('blob:https://other.example/realms/a')],
    ['seal.bound', '|[a-z][a-z0-9+.-]*:(?=\\/\\/))', ')', named('ftp://idp.example/realms/a')],
    ['seal.bound', " && segment !== '.'", '', named('https://idp.example/./realms/a/.')],
    ['seal.bound', "segment !== '' && ", '', named('https://idp.example/realms//a')],
    ['seal.bound', "segment.replace(/;.*$/, '')", 'segment', named('https://idp.example/realms;v=1/a')],
    ['seal.bound', '25|2f|', '25|', anyServer('https://other.example/x%2Frealms/a')],
    ['seal.bound', '23|25|', '23|', anyServer('https://other.example/%252e%252e')],
    ['seal.bound', '|[^!-[\\]-~]/', '|\\\\/', anyServer('https://other.example/a b')],
    [
      'seal.bound',
      "(!label.startsWith('xn--') || isALabel(label))",
      'isALabel.length > 0',
      anyServer('https://xn--a.example/'),
    ],
    ['seal.bound', '!NUMERIC.test(', '!!(', anyServer('https://127.0.0.1/')],
    [
      'seal.bound',
      'short.every((segment, at) => segment === long[at])',
      'short.length === long.length',
      named('https://idp.example'),
    ],
  ]),
  ...of('client', 'one-key', 'packages/client/dist/one-key.test.js', [
    [
      'seal.bound',
      'if (!isOneKey(fields[one]!, fields[other]!)) return;',
      'if (one !== other) return;',
      '[seal.bound] one key under two names, for two servers, is refused before it is sealed',
    ],
    [
      'seal.bound',
      "one.kind === 'pem' && other.kind === 'pem'",
      "one.kind === 'der' && other.kind === 'pem'",
      '[seal.bound] one key is one however its file is written',
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
