/** Client assertions that RFC 7523 §3 and RFC 8725 have refused, and other ways to say who asks. Data only. */
import { CANARY, type Change, type Entry, type JwtChange } from '../entry.ts';

const BAD: readonly (readonly [id: string, must: string, what: string, assertion: JwtChange])[] = [
  ['no-jwt', 'RFC 7523 §3', 'an assertion that is no JWT', { raw: CANARY }],
  ['stranger', 'RFC 7523 §3', 'an assertion by another key', { signed: 'stranger' }],
  ['unsigned', 'RFC 8725 §3.2', 'an assertion nobody signed', { header: { alg: 'none' }, signed: 'nobody' }],
  ['mac', 'RFC 8725 §3.1', 'an assertion with a MAC over the key', { header: { alg: 'HS256' }, signed: 'mac' }],
  ['other-alg', 'RFC 8725 §3.1', 'an assertion with another algorithm', { header: { alg: 'ES384' } }],
  ['no-alg', 'RFC 8725 §3.1', 'an assertion without an algorithm', { header: { alg: null } }],
  ['crit', 'RFC 7515 §4.1.11', 'an extension nobody knows', { header: { crit: ['x'], x: CANARY } }],
  ['proof-typ', 'RFC 8725 §3.11', 'an assertion of the type of a proof', { header: { typ: 'dpop+jwt' } }],
  ['token-typ', 'RFC 8725 §3.12', 'an assertion of the type of a token', { header: { typ: 'at+jwt' } }],
  ['no-issuer', 'RFC 7523 §3', 'an assertion without an issuer', { claims: { iss: null } }],
  ['other-issuer', 'RFC 8725 §3.8', 'an assertion of another issuer', { claims: { iss: CANARY } }],
  ['no-subject', 'RFC 7523 §3', 'an assertion without a subject', { claims: { sub: null } }],
  ['other-subject', 'RFC 7523 §3', 'an assertion about another client', { claims: { sub: '{id of another client}' } }],
  ['no-audience', 'RFC 8725 §3.9', 'an assertion for nobody', { claims: { aud: null } }],
  [
    'other-audience',
    'RFC 8725 §3.9',
    'an assertion for somebody else',
    { claims: { aud: `https://${CANARY}.example` } },
  ],
  ['ended', 'RFC 7523 §3', 'an assertion that has ended', { claims: { exp: -60 } }],
  ['endless', 'RFC 7523 §3', 'an assertion without an end', { claims: { exp: null } }],
  ['text-end', 'RFC 7519 §4.1.4', 'an assertion whose end is a text', { claims: { exp: CANARY } }],
  ['early', 'RFC 7523 §3', 'an assertion before its time', { claims: { nbf: 400 } }],
  ['no-id', 'RFC 9700 §2.5', 'an assertion without an id', { claims: { jti: null } }],
];

/** Others that are no client, at the token endpoint. */
const NOBODY: readonly (readonly [id: string, must: string, what: string, change: Change])[] = [
  ['no-client', 'RFC 6749 §3.2.1', 'nobody at all', { assertion: 'none', form: { client_id: null } }],
  ['unknown', 'RFC 6749 §5.2', 'a client nobody knows', { assertion: 'none', form: { client_id: CANARY } }],
  ['unproven', 'RFC 6749 §3.2.1', 'a client that does not prove its key', { assertion: 'none' }],
  ['again', 'RFC 7523 §3', 'an assertion that was used', { again: true }],
];

const at = (id: string, must: string, what: string, change: Change): Entry => ({
  ...{ id: `client.${id}`, must, what, to: 'credentials', change },
  answer: [401, 'invalid_client'],
});

export const ASSERTIONS: readonly Entry[] = [
  ...BAD.map(([id, must, what, assertion]) => at(id, must, what, { assertion })),
  ...NOBODY.map(([id, must, what, change]) => at(id, must, what, change)),
  {
    ...at('other-id', 'RFC 7521 §4.2', 'an assertion beside the id of another client', {
      form: { client_id: '{id of another client}' },
    }),
  },
  {
    ...at('other-type', 'RFC 7521 §4.2', 'an assertion of another type', {
      form: { client_assertion_type: `urn:example:${CANARY}` },
    }),
  },
  {
    ...at('basic', 'RFC 6749 §5.2', 'a secret in the Authorization header', {
      ...{ assertion: 'none', headers: { authorization: '{secret}' } },
    }),
    headers: { 'www-authenticate': 'Basic realm="clients"' },
  },
  {
    ...at('basic-beside', 'RFC 6749 §2.3', 'an assertion beside a secret in the Authorization header', {
      headers: { authorization: '{secret}' },
    }),
    answer: [400, 'invalid_request'],
  },
  {
    ...at('secret', 'RFC 6749 §2.3', 'an assertion beside a secret', { form: { client_secret: CANARY } }),
    answer: [400, 'invalid_request'],
  },
];
