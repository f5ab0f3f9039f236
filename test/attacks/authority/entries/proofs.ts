/** DPoP proofs at the token endpoint that RFC 9449 §4.3 has refused, and those of §8 and §11. Data only. */
import { CANARY, type Change, type Entry } from '../entry.ts';

type Proof = NonNullable<Change['proof']>;

const BAD: readonly (readonly [id: string, section: string, what: string, proof: Proof])[] = [
  ['none', '§5', 'no proof', 'none'],
  ['twice', '§4.3', 'two proofs', 'twice'],
  ['no-jwt', '§4.3', 'a proof that is no JWT', { raw: CANARY }],
  ['not-base64url', '§4.3', 'a proof with padding', { raw: 'e30=.e30=.AAAA' }],
  ['five-parts', '§4.3', 'a proof of five parts', { raw: 'e30.e30.e30.e30.e30' }],
  ['stranger', '§4.3', 'a proof signed by another key than it carries', { signed: 'stranger' }],
  ['unsigned', '§11.6', 'a proof that nobody signed', { header: { alg: 'none' }, signed: 'nobody' }],
  ['mac', '§11.6', 'a proof with a MAC', { header: { alg: 'HS256' }, signed: 'mac' }],
  ['other-alg', '§11.6', 'a proof with another algorithm than its key has', { header: { alg: 'RS256' } }],
  ['no-alg', '§4.3', 'a proof without an algorithm', { header: { alg: null } }],
  ['no-key', '§4.3', 'a proof without a key', { header: { jwk: null } }],
  ['symmetric', '§4.3', 'a proof with a symmetric key', { header: { jwk: { kty: 'oct', k: 'AAAA' } } }],
  ['wrong-typ', '§11.5', 'a proof of the type JWT', { header: { typ: 'JWT' } }],
  ['no-typ', '§4.3', 'a proof without a type', { header: { typ: null } }],
  ['crit', '§4.3', 'a proof with an extension nobody knows', { header: { crit: ['x'], x: CANARY } }],
  ['other-method', '§4.3', 'a proof for GET', { claims: { htm: 'GET' } }],
  ['small-method', '§4.3', 'a proof for "post"', { claims: { htm: 'post' } }],
  ['no-method', '§4.3', 'a proof without a method', { claims: { htm: null } }],
  ['other-address', '§4.3', 'a proof for another address', { claims: { htu: `https://${CANARY}.example/token` } }],
  ['base-address', '§4.3', 'a proof for the issuer alone', { claims: { htu: '{here}' } }],
  ['no-address', '§4.3', 'a proof without an address', { claims: { htu: null } }],
  ['old', '§11.1', 'a proof that is 400 seconds old', { claims: { iat: -400 } }],
  ['future', '§11.1', 'a proof of a time 400 seconds ahead', { claims: { iat: 400 } }],
  ['text-time', '§4.3', 'a proof whose time is a text', { claims: { iat: CANARY } }],
  ['no-time', '§4.3', 'a proof without a time', { claims: { iat: null } }],
  ['no-id', '§4.3', 'a proof without an id', { claims: { jti: null } }],
  ['number-id', '§4.3', 'a proof whose id is a number', { claims: { jti: 7 } }],
];

export const PROOFS: readonly Entry[] = [
  ...BAD.map(([id, section, what, proof]): Entry => {
    const row = { id: `proof.${id}`, must: `RFC 9449 ${section}`, what, to: 'credentials', change: { proof } } as const;
    return { ...row, answer: [400, 'invalid_dpop_proof'] };
  }),
  {
    ...{ id: 'proof.again', must: 'RFC 9449 §11.1', what: 'a proof that was used', to: 'device' },
    change: { again: true },
    answer: [400, 'invalid_dpop_proof'],
  },
  {
    ...{ id: 'proof.no-nonce', must: 'RFC 9449 §8', what: 'a proof without the nonce that this client has to use' },
    ...{ to: 'credentials', change: { by: 'careful' } },
    answer: [400, 'use_dpop_nonce'],
    headers: { 'dpop-nonce': true },
  },
  {
    ...{ id: 'proof.other-nonce', must: 'RFC 9449 §11.3', what: 'a proof with a nonce that nobody gave' },
    ...{ to: 'credentials', change: { by: 'careful', proof: { claims: { nonce: CANARY } } } },
    answer: [400, 'use_dpop_nonce'],
    headers: { 'dpop-nonce': true },
  },
];
