/**
 * JWTs that a sealed private key signs, octet by octet, for one exchange: assertions (RFC 7523 §3) that are exchanged or that
 * prove who a client is, and those of GitHub Apps.
 * Never a string: whoever has one can have a token for it while it is good.
 */
import { randomBytes } from 'node:crypto';
import { DAuthError, type GithubApp, type JwtBearer, type Template } from '@dauth/protocol';
import { writeBase64, writeHex } from './encode.ts';
import { fill, type Fields } from './fill.ts';
import { wipe } from './memory.ts';
import { signWith } from './pkcs8.ts';
import { ByteWriter } from './writer.ts';

/** What JSON takes in a text with an escape for two of them. */
const PRINTABLE = (octet: number): boolean => octet >= 0x20 && octet <= 0x7e;

/** What an assertion says, for whom and for how many seconds, and what signs it. */
export type Assertion = Pick<JwtBearer, 'private_key' | 'alg' | 'kid' | 'iss' | 'sub' | 'aud' | 'lifetime'>;

/**
 * @param now Unix seconds
 * @param scope a claim of it: fixed text, without anything that JSON escapes
 * @returns owned memory which the caller zeroes
 * @throws DAuthError `POLICY_DENIED` for a key that does not sign so, and for a value that no claim takes
 */
export function makeAssertion(assertion: Assertion, fields: Fields, now: number, scope?: string): Buffer {
  const { alg, kid, iss, sub, aud, lifetime } = assertion;
  using header = new ByteWriter();
  header.text(`{"alg":"${alg}","typ":"JWT"`);
  if (kid !== undefined) writeMember(header, 'kid', kid, fields);
  header.text('}');
  using claims = new ByteWriter(512);
  claims.text(`{"iat":${now},"exp":${now + lifetime},"jti":"`);
  writeHex(claims, randomBytes(16), 'lower');
  claims.text('"');
  writeMember(claims, 'iss', iss, fields);
  if (sub !== undefined) writeMember(claims, 'sub', sub, fields);
  writeMember(claims, 'aud', aud, fields);
  if (scope !== undefined) claims.text(`,"scope":"${scope}"`);
  claims.text('}');
  return makeJwt(header, claims, alg, assertion.private_key, fields);
}

/** What nobody can make without the key: with these octets starred out, a JWT is worth nothing. A view. */
export function signatureOf(jwt: Buffer): Buffer {
  return jwt.subarray(jwt.lastIndexOf(0x2e) + 1);
}

/** Times in seconds. GitHub takes ten minutes at most, and asks for a beginning in the past, for clocks that differ. */
export const APP_JWT = { alg: 'RS256', since: 60, life: 540 } as const;

/**
 * The JWT with which a GitHub App says who it is ("Generating a JSON Web Token (JWT) for a GitHub App").
 * @param now Unix seconds
 * @returns as above
 * @throws DAuthError as above
 */
export function makeAppJwt(scheme: GithubApp, fields: Fields, now: number): Buffer {
  using header = new ByteWriter();
  header.text(`{"alg":"${APP_JWT.alg}","typ":"JWT"}`);
  using claims = new ByteWriter();
  claims.text(`{"iat":${now - APP_JWT.since},"exp":${now + APP_JWT.life}`);
  writeMember(claims, 'iss', scheme.iss, fields);
  claims.text('}');
  return makeJwt(header, claims, APP_JWT.alg, scheme.private_key, fields);
}

/** RFC 7515 §7.1, of header and claims as they stand. */
function makeJwt(
  header: ByteWriter,
  claims: ByteWriter,
  alg: JwtBearer['alg'],
  template: Template,
  fields: Fields,
): Buffer {
  using jwt = new ByteWriter(2_048);
  for (const part of [header, claims]) {
    const octets = part.take();
    if (jwt.length > 0) jwt.text('.');
    writeBase64(jwt, octets, 'base64url', false);
    wipe(octets);
  }
  const input = jwt.take();
  let signature: Buffer | null = null;
  try {
    using key = fill(template, fields, () => true);
    signature = signWith(key.bytes, alg, input);
    if (signature === null)
      throw new DAuthError(
        'POLICY_DENIED',
        `The private key of the sealed credential is no key for ${alg} in PKCS #8, PKCS #1 or SEC 1. Its owner has to seal another one.`,
      );
    using whole = new ByteWriter(input.length + signature.length * 2);
    whole.bytes(input).text('.');
    writeBase64(whole, signature, 'base64url', false);
    return whole.take();
  } finally {
    wipe(input, signature);
  }
}

function writeMember(out: ByteWriter, name: string, template: Template, fields: Fields): void {
  using value = fill(template, fields, PRINTABLE);
  out.text(`,"${name}":"`);
  for (const octet of value.bytes) {
    if (octet === 0x22 || octet === 0x5c) out.octet(0x5c);
    out.octet(octet);
  }
  out.text('"');
}
