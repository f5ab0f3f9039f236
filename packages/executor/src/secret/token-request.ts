/**
 * What a token endpoint is sent (§2.6): the credential in the form that the sealed scheme says, octet by octet.
 * Never a string, and never anything that the caller of the dispatch said.
 */
import {
  endpointParts,
  injectedFields,
  type ClientCredentials,
  type Injection,
  type JwtBearer,
  type OAuth2,
  type TokenScheme,
} from '@dauth/protocol';
import { makeAssertion } from './assertion.ts';
import { writeBase64, writeForm } from './encode.ts';
import { readFields } from './fields.ts';
import { fill, type Fields, type Held } from './fill.ts';
import { assertFindable, type Filled } from './inject.ts';
import { ownedConcat, wipe } from './memory.ts';
import type { Plaintext } from './plaintext.ts';
import { ByteWriter } from './writer.ts';

/** RFC 6749 Appendix A.1 and A.2: visible ASCII and space. */
const VSCHAR = (octet: number): boolean => octet >= 0x20 && octet <= 0x7e;

/**
 * Fills the request for a token. All buffers are owned memory; whoever takes them zeroes them.
 * @param now Unix seconds
 * @throws DAuthError `DECRYPTION_FAILED` for a plaintext without the named fields; `POLICY_DENIED` for a value that does not
 * fit or could not be found again in an answer
 */
export function fillTokenRequest(
  plaintext: Plaintext,
  injections: readonly Injection[],
  scheme: TokenScheme,
  now: number,
): Filled {
  return plaintext.lend((bytes) => {
    const fields = readFields(bytes, injectedFields(injections));
    const secrets: Buffer[] = [];
    using lines = new ByteWriter();
    using body = new ByteWriter(1_024 + bytes.length * 3);
    try {
      lines.text('accept: application/json\r\ncontent-type: application/x-www-form-urlencoded\r\n');
      if (scheme.scheme === 'jwt_bearer') secrets.push(writeJwtBearer(body, scheme, fields, now));
      else if (scheme.scheme === 'oauth2') secrets.push(...writeRefresh(lines, body, scheme, fields));
      else secrets.push(...writeClientCredentials(lines, body, scheme, fields));
      const target = Buffer.from(endpointParts(scheme.endpoint).target, 'latin1');
      return { target, lines: lines.take(), body: body.take(), secrets, isGuessable: false };
    } catch (error) {
      wipe(...secrets);
      throw error;
    }
  });
}

/** RFC 7523 §2.1. @returns what an answer must not be read with: owned memory which the caller zeroes */
function writeJwtBearer(body: ByteWriter, scheme: JwtBearer, fields: Fields, now: number): Buffer {
  const assertion = makeAssertion(scheme, fields, now);
  body.text('grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer');
  writeParameter(body, 'assertion', assertion);
  const { scope } = scheme;
  if (scope !== undefined && scheme.scope_in === 'parameter')
    writeParameter(body, 'scope', Buffer.from(scope, 'latin1'));
  return assertion;
}

/** RFC 6749 §4.4.2. @returns as above */
function writeClientCredentials(
  lines: ByteWriter,
  body: ByteWriter,
  scheme: ClientCredentials,
  fields: Fields,
): readonly Buffer[] {
  body.text('grant_type=client_credentials');
  const shown = writeClient(lines, body, scheme, fields);
  writeWishes(body, scheme);
  return shown;
}

/** RFC 6749 §6. @returns as above */
function writeRefresh(lines: ByteWriter, body: ByteWriter, scheme: OAuth2, fields: Fields): readonly Buffer[] {
  using token = fill(scheme.refresh_token, fields, VSCHAR);
  assertFindable(token.bytes);
  body.text('grant_type=refresh_token');
  writeParameter(body, 'refresh_token', token.bytes);
  const shown = writeClient(lines, body, scheme, fields);
  writeWishes(body, scheme);
  return [ownedConcat(token.bytes), ...shown];
}

/** Who asks, as RFC 6749 §2.3.1 and the scheme say; a public client says its name only (§3.2.1 there). @returns as above */
function writeClient(
  lines: ByteWriter,
  body: ByteWriter,
  { client_id: clientId, client_secret: clientSecret, auth }: ClientCredentials | OAuth2,
  fields: Fields,
): readonly Buffer[] {
  using id = fill(clientId, fields, VSCHAR);
  if (auth !== 'client_secret_basic') writeParameter(body, 'client_id', id.bytes);
  if (clientSecret === undefined) return [];
  using secret = fill(clientSecret, fields, VSCHAR);
  assertFindable(secret.bytes);
  const shown = ownedConcat(secret.bytes);
  if (auth === 'client_secret_post') {
    writeParameter(body, 'client_secret', secret.bytes);
    return [shown];
  }
  const credential = basicCredential(id, secret);
  lines.text('authorization: Basic ').bytes(credential).text('\r\n');
  return [shown, credential];
}

function writeWishes(body: ByteWriter, scheme: ClientCredentials | OAuth2): void {
  const { scope, resource = [] } = scheme;
  const audience = scheme.scheme === 'client_credentials' ? scheme.audience : undefined;
  if (scope !== undefined) writeParameter(body, 'scope', Buffer.from(scope, 'latin1'));
  if (audience !== undefined) writeParameter(body, 'audience', Buffer.from(audience, 'latin1'));
  for (const one of resource) writeParameter(body, 'resource', Buffer.from(one, 'latin1'));
}

/** RFC 6749 §2.3.1: both are encoded as in a form before they are Basic. */
function basicCredential(id: Held, secret: Held): Buffer {
  // At its full length from the start: what grows is copied in between.
  using pair = new ByteWriter((id.bytes.length + secret.bytes.length) * 3 + 1);
  writeForm(pair, id.bytes);
  pair.text(':');
  writeForm(pair, secret.bytes);
  const joined = pair.take();
  using credential = new ByteWriter(Math.ceil(joined.length / 3) * 4);
  writeBase64(credential, joined, 'base64', true);
  wipe(joined);
  return credential.take();
}

function writeParameter(body: ByteWriter, name: string, value: Uint8Array): void {
  body.text(`&${name}=`);
  writeForm(body, value);
}
