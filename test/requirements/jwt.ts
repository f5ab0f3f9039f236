/** RFC 8725 (JWT best current practice) and RFC 7523 §3 (client assertions). Data only; see requirement.ts. */
import { accessToken, dpop, foreign, jws, keyTest, of, rsa, token, type Requirement } from './requirement.ts';

const WRONG = token('an assertion that is wrong in any one respect is refused, each with the same sentence');

const RFC8725: readonly Requirement[] = of('RFC 8725', [
  [
    '3.1',
    'RS',
    'MUST',
    'let the caller say which algorithms are taken',
    jws('[token.bound] the caller may take fewer algorithms than the key'),
  ],
  [
    '3.1',
    'RS',
    'MUST',
    'use a key with exactly one algorithm',
    jws('[token.bound] the algorithm is the key’s: a header that names the other one is refused'),
  ],
  [
    '3.2',
    'RS',
    'MUST',
    'take only algorithms and keys that are good enough today',
    rsa('[token.bound] an RSA key is refused: ${what}'),
  ],
  [
    '3.2',
    'RS',
    'MUST',
    'be made for more than one algorithm',
    jws('[token.bound] what jose signs with ${alg} verifies, and any change of one character is refused'),
  ],
  [
    '3.2',
    'RS',
    'SHOULD NOT',
    'take `none` unless asked for',
    jws('[token.bound] alg none is refused, with and without a signature'),
  ],
  [
    '3.3',
    'RS',
    'MUST',
    'refuse the whole where any cryptographic operation fails',
    jws('[token.bound] a signature by another key is refused'),
  ],
  [
    '3.4',
    'RS',
    'MUST',
    'check keys of elliptic curves before they are used',
    keyTest('a point off the curve is refused'),
  ],
  [
    '3.4',
    'RS',
    'MUST',
    'check the point of the sender of a key agreement',
    ['packages/executor/src/open.test.ts', 'refuses a P-256 point that is not on the curve, and a compressed one'],
  ],
  [
    '3.5',
    'AS',
    'MUST NOT',
    'use passwords as keys of a MAC',
    { notApplicable: 'No JWT here has a MAC: every key is asymmetric.' },
  ],
  [
    '3.7',
    'RS',
    'MUST',
    'read and write JSON as UTF-8',
    ['packages/protocol/src/base64url.test.ts', 'UTF-8 decoding refuses exactly what a fatal TextDecoder refuses'],
  ],
  [
    '3.8',
    'RS',
    'MUST',
    'check that the keys belong to the issuer',
    foreign('[token.bound] a token of another issuer is refused, though the same key signed it'),
  ],
  [
    '3.8',
    'RS',
    'MUST',
    'take no subject of an issuer that it does not trust',
    foreign('[token.bound] a token of another issuer is refused, though the same key signed it'),
  ],
  [
    '3.9',
    'RS',
    'MUST',
    'refuse a token for another audience',
    foreign('[token.bound] a token for another resource is refused'),
  ],
  [
    '3.9',
    'RS',
    'MUST',
    'refuse a token that says no audience',
    accessToken('[token.bound] an access token is refused: ${what}'),
  ],
  [
    '3.9',
    'AS',
    'MUST',
    'say for whom a token is',
    token('a registered client gets a token bound to its key, for one audience, for 300 seconds'),
  ],
  [
    '3.10',
    'RS',
    'SHOULD',
    'not follow what an unverified header says about keys',
    jws('[token.bound] the resolver is asked with the header’s kid and alg, and what it does not know is refused'),
  ],
  [
    '3.11',
    'RS',
    'SHOULD',
    'type JWTs explicitly and compare the type',
    jws('[token.bound] another typ is refused, also in another case, with a media type prefix, or absent'),
  ],
  [
    '3.11',
    'RS',
    'MUST',
    'find the type in the inner of two nested JWTs',
    { notApplicable: 'No JWT here is the content of another.' },
  ],
  [
    '3.12',
    'RS',
    'MUST',
    'have rules that no two kinds of JWT meet',
    dpop('[token.bound] a DPoP proof is no executor proof, nor the other way round'),
  ],
]);

const RFC7523: readonly Requirement[] = of('RFC 7523', [
  ['3 (1)', 'AS', 'MUST', 'find `iss`, the client', WRONG],
  ['3 (2)', 'AS', 'MUST', 'find `sub`, the client', WRONG],
  ['3 (3)', 'AS', 'MUST', 'refuse an assertion whose `aud` is not this server', WRONG],
  ['3 (4)', 'AS', 'MUST', 'refuse an assertion without `exp`, or after it', WRONG],
  ['3 (5)', 'AS', 'MUST', 'refuse an assertion before its `nbf`', WRONG],
  ['3 (9)', 'AS', 'MUST', 'verify the signature', WRONG],
  ['3.2', 'AS', 'MUST', 'answer `invalid_client` where it does not hold', WRONG],
]);

export const JWT: readonly Requirement[] = [...RFC8725, ...RFC7523];
