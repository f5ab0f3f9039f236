/**
 * What a token endpoint is sent (§2.6): the credential in the form that the sealed scheme says, octet by octet.
 * Never a string, and never anything that the caller of the dispatch said.
 */
import {
  endpointParts,
  injectedFields,
  installationRequest,
  type ClientCredentials,
  type GithubApp,
  type Injection,
  type JwtBearer,
  type OAuth2,
  type Template,
  type TokenExchange,
  type TokenScheme,
} from '@dauth/protocol';
import { makeAppJwt, makeAssertion } from './assertion.ts';
import { writeBase64, writeForm } from './encode.ts';
import { readFields } from './fields.ts';
import { fill, unfit, type Fields, type Held } from './fill.ts';
import { readGrant, type Grant } from './grant.ts';
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
      secrets.push(...write(lines, body, scheme, fields, now));
      const target = Buffer.from(endpointParts(scheme.endpoint).target, 'latin1');
      return { target, lines: lines.take(), body: body.take(), secrets, isGuessable: false };
    } catch (error) {
      wipe(...secrets);
      throw error;
    }
  });
}

/** @returns what an answer must not be read with: owned memory which the caller zeroes */
function write(
  lines: ByteWriter,
  body: ByteWriter,
  scheme: TokenScheme,
  fields: Fields,
  now: number,
): readonly Buffer[] {
  if (scheme.scheme === 'github_app') return [writeGithubApp(lines, body, scheme, fields, now)];
  lines.text('accept: application/json\r\ncontent-type: application/x-www-form-urlencoded\r\n');
  if (scheme.scheme === 'jwt_bearer') return [writeJwtBearer(body, scheme, fields, now)];
  if (scheme.scheme === 'token_exchange') return writeTokenExchange(lines, body, scheme, fields);
  if (scheme.scheme === 'oauth2') return writeGrant(lines, body, scheme, fields);
  return writeClientCredentials(lines, body, scheme, fields);
}

/** "Create an installation access token for an app", of GitHub's REST API. @returns as above */
function writeGithubApp(lines: ByteWriter, body: ByteWriter, scheme: GithubApp, fields: Fields, now: number): Buffer {
  const jwt = makeAppJwt(scheme, fields, now);
  lines.text('accept: application/vnd.github+json\r\ncontent-type: application/json\r\n');
  lines.text('x-github-api-version: 2022-11-28\r\nauthorization: Bearer ').bytes(jwt).text('\r\n');
  body.text(installationRequest(scheme));
  return jwt;
}

/** RFC 7523 §2.1. @returns as above */
function writeJwtBearer(body: ByteWriter, scheme: JwtBearer, fields: Fields, now: number): Buffer {
  const assertion = makeAssertion(scheme, fields, now);
  body.text('grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer');
  writeParameter(body, 'assertion', assertion);
  const { scope } = scheme;
  if (scheme.scope_in === 'parameter') writeText(body, 'scope', scope);
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

/** RFC 8693 §2.1. @returns as above */
function writeTokenExchange(
  lines: ByteWriter,
  body: ByteWriter,
  scheme: TokenExchange,
  fields: Fields,
): readonly Buffer[] {
  body.text('grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange');
  const { client_id: id, client_secret: secret, auth } = scheme;
  const shown: Buffer[] = [];
  try {
    if (id !== undefined)
      shown.push(...writeClient(lines, body, { client_id: id, client_secret: secret, auth }, fields));
    const given = [
      ['subject_token', scheme.subject_token, scheme.subject_token_type],
      ['actor_token', scheme.actor_token, scheme.actor_token_type],
    ] as const;
    for (const [name, template, type] of given) {
      if (template === undefined || type === undefined) continue;
      using token = fill(template, fields, VSCHAR);
      assertFindable(token.bytes);
      shown.push(ownedConcat(token.bytes));
      writeParameter(body, name, token.bytes);
      writeText(body, `${name}_type`, type);
    }
    writeText(body, 'requested_token_type', scheme.requested_token_type);
    writeWishes(body, scheme);
    return shown;
  } catch (error) {
    wipe(...shown);
    throw error;
  }
}

/** A refresh token, or the code that brings the first one. @returns as above */
function writeGrant(lines: ByteWriter, body: ByteWriter, scheme: OAuth2, fields: Fields): readonly Buffer[] {
  const grant = readGrant(scheme, fields);
  if (grant.kind === 'access') throw new TypeError('An access token is exchanged for nothing.');
  return grant.kind === 'code'
    ? writeCode(lines, body, scheme, fields, grant)
    : writeRefresh(lines, body, scheme, fields);
}

/** RFC 6749 §4.1.3, RFC 7636 §4.5. What was asked for stood in the request for the code. @returns as above */
function writeCode(
  lines: ByteWriter,
  body: ByteWriter,
  scheme: OAuth2,
  fields: Fields,
  { code, verifier }: Extract<Grant, { kind: 'code' }>,
): readonly Buffer[] {
  for (const value of [code, verifier]) {
    if (!value.every(VSCHAR)) throw unfit('has characters that its slot cannot carry');
    assertFindable(value);
  }
  body.text('grant_type=authorization_code');
  writeParameter(body, 'code', code);
  writeText(body, 'redirect_uri', scheme.redirect_uri);
  writeParameter(body, 'code_verifier', verifier);
  const shown = writeClient(lines, body, scheme, fields);
  writeWishes(body, scheme.resource === undefined ? {} : { resource: scheme.resource });
  return [ownedConcat(code), ownedConcat(verifier), ...shown];
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

/** As the schemes with a client say it. */
interface Client {
  readonly client_id: Template;
  readonly client_secret?: Template | undefined;
  readonly auth?: OAuth2['auth'] | undefined;
}

/** Who asks, as RFC 6749 §2.3.1 and the scheme say; a public client says its name only (§3.2.1 there). @returns as above */
function writeClient(
  lines: ByteWriter,
  body: ByteWriter,
  { client_id: clientId, client_secret: clientSecret, auth }: Client,
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

/** What the token is to be for: fixed text that was sealed. */
function writeWishes(
  body: ByteWriter,
  { scope, audience, resource = [] }: Pick<ClientCredentials, 'scope' | 'audience' | 'resource'>,
): void {
  writeText(body, 'scope', scope);
  writeText(body, 'audience', audience);
  for (const one of resource) writeText(body, 'resource', one);
}

function writeText(body: ByteWriter, name: string, value: string | undefined): void {
  if (value !== undefined) writeParameter(body, name, Buffer.from(value, 'latin1'));
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
