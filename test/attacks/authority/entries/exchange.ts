/**
 * Token exchange (RFC 8693, spec/dauth.md §4): who may not ask, what it does not give, and a caller's token or proof that is
 * not one, or not for this. Data only.
 */
import { at, CANARY, type Change, type Entry } from '../entry.ts';

const [INVALID, SCOPE, TARGET] = ['invalid_request', 'invalid_scope', 'invalid_target'] as const;
const [DETAILS, PROOF] = ['invalid_authorization_details', 'invalid_dpop_proof'] as const;
const TYPE = 'urn:ietf:params:oauth:token-type';
const DETAIL = {
  type: 'dauth_connection',
  identifier: 'ddls:conn:019a8f3c-7e21-7c41-9b0e-3f2a6d5c4b1a',
  locations: ['https://api.github.com'],
  actions: ['GET /repos/**'],
};

const form = (parameters: Readonly<Record<string, string | null | readonly string[]>>): Change => ({
  form: parameters,
});
/** A caller whose token names one connection, and a server that asks for these details. */
const asked = (...details: readonly object[]): Change => ({
  subject: { claims: { authorization_details: [DETAIL] } },
  form: { authorization_details: JSON.stringify(details) },
});
const nobody = (id: string, must: string, what: string, change: Change): Entry => ({
  ...{ id: `exchange.${id}`, must, what, to: 'exchange', change },
  answer: [401, 'invalid_client'],
});

type Row = readonly [id: string, what: string, change: Change, error?: string];
/** Entries of one section, each `invalid_request` where it does not say otherwise. */
const of = (must: string, rows: readonly Row[]): readonly Entry[] =>
  rows.flatMap(([id, what, change, error = INVALID]) =>
    at('exchange', [[`exchange.${id}`, must, what, change, error]]),
  );

const WHO: readonly Entry[] = [
  nobody('no-client', 'RFC 8693 §2.1', 'an exchange by nobody', { assertion: 'none', form: { client_id: null } }),
  nobody('unproven', 'RFC 8693 §5', 'an exchange by a server that does not prove its key', { assertion: 'none' }),
  nobody('stranger', 'RFC 8693 §5', 'an exchange by somebody with another key', { assertion: { signed: 'stranger' } }),
  nobody('again', 'RFC 7523 §3', 'an exchange that was made', { again: true }),
  ...of('RFC 8693 §5', [
    ['no-server', 'an exchange by a client that is no MCP server', { by: 'agent' }, 'unauthorized_client'],
    ['public', 'an exchange by a client without a key', { by: 'app' }, 'unauthorized_client'],
  ]),
  ...of('RFC 9449 §5', [
    ['no-own-proof', 'an exchange without a proof of the server', { proof: 'none' }, PROOF],
    ['other-key', 'an exchange with the proof of another', { proof: 'by another key' }, PROOF],
    ['own-proof-stranger', 'an exchange with a proof that another signed', { proof: { signed: 'stranger' } }, PROOF],
  ]),
];

const ASKED: readonly Entry[] = [
  ...of('RFC 8693 §2.1', [
    ['no-token', 'no subject token', form({ subject_token: null })],
    ['no-token-type', 'a subject token of no type', form({ subject_token_type: null })],
    ['token-jwt', 'a JWT as the subject', form({ subject_token_type: `${TYPE}:jwt` })],
    ['token-id', 'an ID token as the subject', form({ subject_token_type: `${TYPE}:id_token` })],
    ['token-refresh', 'a refresh token as the subject', form({ subject_token_type: `${TYPE}:refresh_token` })],
    ['token-saml', 'a SAML assertion as the subject', form({ subject_token_type: `${TYPE}:saml2` })],
    ['token-unknown', 'a subject of a type nobody knows', form({ subject_token_type: `urn:example:${CANARY}` })],
    ['wants-refresh', 'a refresh token asked for', form({ requested_token_type: `${TYPE}:refresh_token` })],
    ['wants-id', 'an ID token asked for', form({ requested_token_type: `${TYPE}:id_token` })],
    ['wants-jwt', 'a JWT asked for', form({ requested_token_type: `${TYPE}:jwt` })],
    ['wants-unknown', 'a type that nobody knows asked for', form({ requested_token_type: `urn:example:${CANARY}` })],
    ['actor', 'an actor token', form({ actor_token: '{access}', actor_token_type: `${TYPE}:access_token` })],
    ['actor-no-type', 'an actor token of no type', form({ actor_token: CANARY })],
    ['actor-type', 'the type of an actor token, and none', form({ actor_token_type: `${TYPE}:access_token` })],
    ['scope', 'a scope, which no dispatch token has', form({ scope: 'mcp:use' }), SCOPE],
    ['unknown-scope', 'a scope nobody offers', form({ scope: CANARY }), SCOPE],
  ]),
  ...of('RFC 8693 §2.2.2', [
    ['no-target', 'an exchange for nowhere', form({ resource: null }), TARGET],
    [
      'only-audience',
      'an exchange that names its target as audience only',
      form({ resource: null, audience: '{executor}' }),
      TARGET,
    ],
    ['other-target', 'an exchange for somewhere else', form({ resource: `https://${CANARY}.example` }), TARGET],
    ['own-target', 'an exchange for the server itself', form({ resource: 'https://mcp.example/mcp' }), TARGET],
    ['authority-target', 'an exchange for the authority', form({ resource: '{here}' }), TARGET],
    ['relative-target', 'an exchange for a relative resource', form({ resource: `/${CANARY}` }), TARGET],
    ['other-audience', 'an exchange with another audience beside its target', form({ audience: CANARY }), TARGET],
    ['two-targets', 'an exchange for two resources', form({ resource: ['{executor}', `https://${CANARY}.example`] })],
    ['two-audiences', 'an exchange for two audiences', form({ audience: ['{executor}', CANARY] })],
  ]),
  ...of('RFC 6749 §3.2', [
    ['token-twice', 'two subject tokens', form({ subject_token: ['{access}', CANARY] })],
    ['token-type-twice', 'two types of one subject', form({ subject_token_type: [`${TYPE}:access_token`, CANARY] })],
    ['proof-twice', 'two proofs of one call', form({ subject_dpop: [CANARY, 'another'] })],
    ['wants-twice', 'two types asked for', form({ requested_token_type: [`${TYPE}:access_token`, CANARY] })],
    ['details-twice', 'details given twice', form({ authorization_details: ['[]', `[${CANARY}]`] })],
  ]),
  ...of('RFC 9396 §6.1', [
    [
      'wider-method',
      'more methods than the caller has',
      asked({ ...DETAIL, actions: ['GET /repos/**', 'DELETE /repos/**'] }),
      DETAILS,
    ],
    ['wider-path', 'more paths than the caller has', asked({ ...DETAIL, actions: ['GET /**'] }), DETAILS],
    [
      'wider-origin',
      'another origin than the caller has',
      asked({ ...DETAIL, locations: ['https://uploads.github.com'] }),
      DETAILS,
    ],
    [
      'wider-connection',
      'a connection that the caller does not have',
      asked(DETAIL, { ...DETAIL, identifier: DETAIL.identifier.replace(/a$/, 'b') }),
      DETAILS,
    ],
    [
      'no-details',
      'a connection where the caller has none',
      form({ authorization_details: JSON.stringify([DETAIL]) }),
      DETAILS,
    ],
    ['details-json', 'details that are no JSON', form({ authorization_details: `[${CANARY}` }), DETAILS],
    [
      'details-type',
      'details of a type nobody knows',
      form({ authorization_details: `[{"type":"${CANARY}"}]` }),
      DETAILS,
    ],
    ['details-member', 'a detail with a member nobody knows', asked({ ...DETAIL, [CANARY]: true }), DETAILS],
    [
      'details-credential',
      'a sealed credential in an exchange',
      form({ authorization_details: `[{"type":"dauth_credential","envelope":"${CANARY}","seal_proof":"a"}]` }),
      DETAILS,
    ],
  ]),
];

const SUBJECT: readonly Entry[] = [
  ...of('RFC 8693 §2.2.2', [
    ['no-jwt', 'a subject that is no token', form({ subject_token: CANARY })],
    ['refresh', 'a refresh token that says to be an access token', { subject: { from: '{refresh}' } }],
    ['forged', 'a token that somebody else signed', { subject: { signed: 'stranger' } }],
    ['unsigned', 'a token nobody signed', { subject: { header: { alg: 'none' }, signed: 'nobody' } }],
    ['mac', 'a token with a MAC over the key', { subject: { header: { alg: 'HS256' }, signed: 'mac' } }],
    [
      'unknown-key',
      'a token by a key that is not published',
      { subject: { header: { kid: CANARY }, signed: 'stranger' } },
    ],
    ['other-issuer', 'a token of another authority', { subject: { claims: { iss: `https://${CANARY}.example` } } }],
    ['token-audience', 'a token for another server', { subject: { claims: { aud: 'https://other.example/mcp' } } }],
    [
      'shorter-audience',
      'a token for a resource with a shorter name',
      { subject: { claims: { aud: 'https://mcp.example/' } } },
    ],
    [
      'two-token-audiences',
      'a token for two servers',
      { subject: { claims: { aud: ['https://mcp.example/mcp', CANARY] } } },
    ],
    ['ended', 'a token that has ended', { subject: { claims: { iat: -200, exp: -100 } } }],
    ['ended-long-ago', 'a token that ended long ago', { subject: { claims: { iat: -9_000, exp: -8_700 } } }],
    ['endless', 'a token without an end', { subject: { claims: { exp: null } } }],
    ['future', 'a token of the future', { subject: { claims: { iat: 400, exp: 700 } } }],
    ['revoked', 'a token that was given back', { subject: { from: '{access that was given back}' } }],
    ['no-grant', 'a token of a grant there is not', { subject: { claims: { grant_id: CANARY } } }],
    [
      'unbound',
      'a token without a key, of a client that may not have one',
      { subject: { claims: { cnf: null } }, carried: 'none' },
    ],
  ]),
  ...of('RFC 8725 §3.11', [
    [
      'token-type-other',
      'a JWT of another type that the authority signed',
      { subject: { header: { typ: 'dauth-status+jwt' } } },
    ],
    ['token-type-none', 'a token without a type', { subject: { header: { typ: null } } }],
  ]),
];

const CARRIED: readonly Entry[] = of('spec/dauth.md §4', [
  ['no-proof', 'a bound token without the proof of its call', { carried: 'none' }],
  ['unbound-proof', 'a token without a key, and a proof', { subject: { claims: { cnf: null } } }],
  ['proof-no-jwt', 'the proof of a call that is no JWT', { carried: { raw: CANARY } }],
  ['proof-key', 'the proof of a call by another key than the token’s', { carried: 'by another key' }],
  ['proof-stranger', 'the proof of a call that another signed', { carried: { signed: 'stranger' } }],
  [
    'proof-unsigned',
    'the proof of a call that nobody signed',
    { carried: { header: { alg: 'none' }, signed: 'nobody' } },
  ],
  ['proof-mac', 'the proof of a call with a MAC', { carried: { header: { alg: 'HS256' }, signed: 'mac' } }],
  ['proof-typ', 'the proof of a call of the type JWT', { carried: { header: { typ: 'JWT' } } }],
  [
    'proof-address',
    'the proof of a call to another server',
    { carried: { claims: { htu: 'https://other.example/mcp' } } },
  ],
  ['proof-no-address', 'the proof of a call to nowhere', { carried: { claims: { htu: null } } }],
  ['proof-token', 'the proof of a call with another token', { carried: { claims: { ath: 'A'.repeat(43) } } }],
  ['proof-no-token', 'the proof of a call without a token', { carried: { claims: { ath: null } } }],
  ['proof-old', 'the proof of a call of 400 seconds ago', { carried: { claims: { iat: -400 } } }],
  ['proof-future', 'the proof of a call in 400 seconds', { carried: { claims: { iat: 400 } } }],
  ['proof-no-time', 'the proof of a call at no time', { carried: { claims: { iat: null } } }],
  ['proof-no-id', 'the proof of a call without an id', { carried: { claims: { jti: null } } }],
  ['proof-no-method', 'the proof of a call without a method', { carried: { claims: { htm: null } } }],
]);

export const EXCHANGE: readonly Entry[] = [...WHO, ...ASKED, ...SUBJECT, ...CARRIED];
