/**
 * Writes vectors/proof.json and vectors/token.json. Run once with `node packages/verify/dist/vectors.test-support.js`; the
 * files are committed, the test reads them. Keys in here are test keys, published on purpose.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { joinJws, jwsSigningInput, parsePublicJwk, type PublicJwk } from '@dauth/protocol';
import { sha256Base64url, thumbprint } from './digest.ts';

const NOW = 1_795_000_000;
const RESOURCE = 'https://mcp.example/mcp';
const ISSUER = 'https://auth.example';

interface Signer {
  readonly key: KeyObject;
  readonly jwk: PublicJwk;
  readonly jkt: string;
}

function makeSigner(): Signer {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = parsePublicJwk(createPublicKey(privateKey).export({ format: 'jwk' }));
  return {
    key: createPrivateKey({ key: privateKey.export({ format: 'jwk' }), format: 'jwk' }),
    jwk,
    jkt: thumbprint(jwk),
  };
}

function jws(signer: Signer, header: object, claims: object): string {
  const input = jwsSigningInput(header, claims);
  return joinJws(input, sign('sha256', Buffer.from(input), { key: signer.key, dsaEncoding: 'ieee-p1363' }));
}

const [client, other, authority] = [makeSigner(), makeSigner(), makeSigner()];
const kid = authority.jkt;
const access = {
  ...{
    iss: ISSUER,
    sub: 'ada',
    aud: RESOURCE,
    client_id: 'laptop',
    scope: 'mcp:use',
    iat: NOW,
    exp: NOW + 300,
    jti: 'token-1',
  },
  ...{ cnf: { jkt: client.jkt }, grant_id: 'grant-1', 'ddls:org': 'default' },
  authorization_details: [
    {
      ...{ type: 'dauth_connection', identifier: 'ddls:conn:01900000-0000-7000-8000-000000000000', name: 'github' },
      ...{ locations: ['https://api.github.com'], actions: ['GET /user'] },
    },
  ],
};
const token = jws(authority, { typ: 'at+jwt', alg: 'ES256', kid }, access);
const proofHeader = { typ: 'dpop+jwt', alg: 'ES256', jwk: client.jwk };
const proofClaims = { htm: 'POST', htu: RESOURCE, iat: NOW, jti: 'proof-1', ath: sha256Base64url(token) };
const proof = (header: object, claims: object, by = client) =>
  jws(by, { ...proofHeader, ...header }, { ...proofClaims, ...claims });
const flip = (text: string) => text.slice(0, -2) + (text.at(-2) === 'A' ? 'B' : 'A') + text.at(-1)!;

const proofs = {
  now: NOW,
  method: 'POST',
  url: RESOURCE,
  window_seconds: 300,
  access_token: token,
  jkt: client.jkt,
  code: 'UNAUTHENTICATED',
  accepted: [
    { name: 'plain', proof: proof({}, {}) },
    { name: 'as old as the window', proof: proof({}, { iat: NOW - 300 }) },
    { name: 'five seconds ahead', proof: proof({}, { iat: NOW + 5 }) },
    { name: 'an unknown claim', proof: proof({}, { body_digest: 'x' }) },
  ],
  refused: [
    { name: 'too old', proof: proof({}, { iat: NOW - 301 }) },
    { name: 'too far ahead', proof: proof({}, { iat: NOW + 6 }) },
    { name: 'another method', proof: proof({}, { htm: 'GET' }) },
    { name: 'another URL', proof: proof({}, { htu: 'https://evil.example/mcp' }) },
    { name: 'another token', proof: proof({}, { ath: sha256Base64url('x') }) },
    { name: 'no jti', proof: proof({}, { jti: undefined }) },
    { name: 'another type', proof: proof({ typ: 'JWT' }, {}) },
    { name: 'alg none', proof: proof({ alg: 'none' }, {}) },
    { name: 'unknown crit', proof: proof({ crit: ['b64'], b64: true }, {}) },
    { name: 'a private member in jwk', proof: proof({ jwk: { ...client.jwk, d: client.jwk.x } }, {}) },
    { name: 'signed by another key', proof: proof({}, {}, other) },
    { name: 'the key of somebody else', proof: proof({ jwk: other.jwk }, {}, other) },
    { name: 'a changed signature', proof: flip(proof({}, {})) },
    { name: 'padding', proof: `${proof({}, {})}=` },
  ],
};

const at = (claims: object, header: object = {}, by = authority) =>
  jws(by, { typ: 'at+jwt', alg: 'ES256', kid, ...header }, { ...access, ...claims });
const tokens = {
  now: NOW + 10,
  issuer: ISSUER,
  audience: RESOURCE,
  jwk: authority.jwk,
  code: 'UNAUTHENTICATED',
  accepted: [
    { name: 'plain', token },
    { name: 'no connections', token: at({ authorization_details: undefined }) },
    { name: 'no scope', token: at({ scope: undefined }) },
  ],
  refused: [
    { name: 'expired', token: at({ iat: NOW - 300, exp: NOW }) },
    { name: 'another issuer', token: at({ iss: 'https://evil.example' }) },
    { name: 'another audience', token: at({ aud: 'https://other.example' }) },
    { name: 'a list of one audience', token: at({ aud: [RESOURCE] }) },
    { name: 'two audiences', token: at({ aud: [RESOURCE, 'https://other.example'] }) },
    { name: 'no cnf', token: at({ cnf: undefined }) },
    { name: 'cnf by x5t', token: at({ cnf: { 'x5t#S256': client.jkt } }) },
    { name: 'no grant', token: at({ grant_id: undefined }) },
    { name: 'a life of more than 300 s', token: at({ exp: NOW + 301 }) },
    { name: 'issued in the future', token: at({ iat: NOW + 60, exp: NOW + 120 }) },
    {
      name: 'an unknown member in a detail',
      token: at({ authorization_details: [{ ...access.authorization_details[0], admin: true }] }),
    },
    { name: 'another type', token: at({}, { typ: 'JWT' }) },
    { name: 'alg none', token: at({}, { alg: 'none' }) },
    { name: 'alg HS256', token: at({}, { alg: 'HS256' }) },
    { name: 'unknown crit', token: at({}, { crit: ['x'], x: 1 }) },
    { name: 'signed by another key', token: at({}, {}, other) },
    { name: 'a changed signature', token: flip(token) },
  ],
};

const directory = new URL('../../../vectors/', import.meta.url);
writeFileSync(new URL('proof.json', directory), `${JSON.stringify(proofs, null, 2)}\n`);
writeFileSync(new URL('token.json', directory), `${JSON.stringify(tokens, null, 2)}\n`);
