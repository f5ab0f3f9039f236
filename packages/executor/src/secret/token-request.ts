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
  type IdJag,
  type Injection,
  type JwtBearer,
  type OAuth2,
  type TokenExchange,
  type TokenScheme,
} from '@dauth/protocol';
import { writeClient, type Asking } from './client-auth.ts';
import { readFields } from './fields.ts';
import { fill, unfit } from './fill.ts';
import { VSCHAR, writeParameter, writeText } from './form.ts';
import { readGrant, type Grant } from './grant.ts';
import { assertFindable, type Filled } from './inject.ts';
import { openToken, type KeptToken } from './kept-token.ts';
import { ownedConcat, wipe } from './memory.ts';
import type { Plaintext } from './plaintext.ts';
import { signingAlg } from './token-assertion.ts';
import { ByteWriter } from './writer.ts';

/** What was obtained and signed for a request before. */
export interface Before {
  /** What the credential was exchanged for, where a scheme asks twice. */
  readonly grant?: KeptToken | undefined;
  /** As `signAssertion` made it, where a scheme has one. */
  readonly assertion?: KeptToken | undefined;
}

/**
 * Fills the request for a token. All buffers are owned memory; whoever takes them zeroes them.
 * @throws DAuthError `DECRYPTION_FAILED` for a plaintext without the named fields; `POLICY_DENIED` for a value that does not
 * fit or could not be found again in an answer
 */
export function fillTokenRequest(
  plaintext: Plaintext,
  injections: readonly Injection[],
  scheme: TokenScheme,
  before: Before = {},
): Filled {
  if ((scheme.scheme === 'id_jag') !== (before.grant !== undefined))
    throw new TypeError('An ID-JAG goes with its scheme.');
  if ((signingAlg(scheme) === undefined) !== (before.assertion === undefined))
    throw new TypeError('An assertion goes with what signs it.');
  return plaintext.lend((bytes) => {
    const secrets: Buffer[] = [];
    const open = (kept: KeptToken | undefined): Buffer | null => {
      if (kept === undefined) return null;
      secrets.push(openToken(kept, plaintext));
      return secrets.at(-1)!;
    };
    using lines = new ByteWriter();
    using body = new ByteWriter(1_024 + bytes.length * 3);
    try {
      const grant = open(before.grant);
      const assertion = open(before.assertion);
      const fields = readFields(bytes, injectedFields(injections));
      secrets.push(...write({ lines, body, fields, assertion }, scheme, grant));
      const target = Buffer.from(endpointParts(scheme.endpoint).target, 'latin1');
      return { target, lines: lines.take(), body: body.take(), secrets, isGuessable: false };
    } catch (error) {
      wipe(...secrets);
      throw error;
    }
  });
}

/** @returns what an answer must not be read with, but for what came before: owned memory which the caller zeroes */
function write(asking: Asking, scheme: TokenScheme, grant: Buffer | null): readonly Buffer[] {
  if (scheme.scheme === 'github_app') return writeGithubApp(asking, scheme);
  asking.lines.text('accept: application/json\r\ncontent-type: application/x-www-form-urlencoded\r\n');
  if (scheme.scheme === 'jwt_bearer') return writeJwtBearer(asking, scheme);
  if (scheme.scheme === 'token_exchange') return writeTokenExchange(asking, scheme);
  if (scheme.scheme === 'id_jag') return writeIdJag(asking, scheme, grant!);
  if (scheme.scheme === 'oauth2') return writeGrant(asking, scheme);
  return writeClientCredentials(asking, scheme);
}

/** "Create an installation access token for an app", of GitHub's REST API. @returns as above */
function writeGithubApp({ lines, body, assertion }: Asking, scheme: GithubApp): readonly Buffer[] {
  lines.text('accept: application/vnd.github+json\r\ncontent-type: application/json\r\n');
  lines.text('x-github-api-version: 2022-11-28\r\nauthorization: Bearer ').bytes(assertion!).text('\r\n');
  body.text(installationRequest(scheme));
  return [];
}

/** RFC 7523 §2.1. @returns as above */
function writeJwtBearer({ body, assertion }: Asking, scheme: JwtBearer): readonly Buffer[] {
  body.text('grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer');
  writeParameter(body, 'assertion', assertion!);
  if (scheme.scope_in === 'parameter') writeText(body, 'scope', scheme.scope);
  return [];
}

/** RFC 6749 §4.4.2. @returns as above */
function writeClientCredentials(asking: Asking, scheme: ClientCredentials): readonly Buffer[] {
  asking.body.text('grant_type=client_credentials');
  const shown = writeClient(asking, scheme);
  writeWishes(asking.body, scheme);
  return shown;
}

/** RFC 8693 §2.1. @returns as above */
function writeTokenExchange(asking: Asking, scheme: TokenExchange): readonly Buffer[] {
  const { body, fields } = asking;
  body.text('grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange');
  const { client_id } = scheme;
  const shown: Buffer[] = [];
  try {
    if (client_id !== undefined) shown.push(...writeClient(asking, { ...scheme, client_id }));
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

/** RFC 7523 §2.1 with an ID-JAG (§4.4 of its draft), by the client that it names. @returns as above */
function writeIdJag(asking: Asking, scheme: IdJag, grant: Buffer): readonly Buffer[] {
  asking.body.text('grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer');
  writeParameter(asking.body, 'assertion', grant);
  const shown = writeClient(asking, scheme);
  writeText(asking.body, 'scope', scheme.scope);
  return shown;
}

/** A refresh token, or the code that brings the first one. @returns as above */
function writeGrant(asking: Asking, scheme: OAuth2): readonly Buffer[] {
  const grant = readGrant(scheme, asking.fields);
  if (grant.kind === 'access') throw new TypeError('An access token is exchanged for nothing.');
  return grant.kind === 'code' ? writeCode(asking, scheme, grant) : writeRefresh(asking, scheme);
}

/** RFC 6749 §4.1.3, RFC 7636 §4.5. What was asked for stood in the request for the code. @returns as above */
function writeCode(
  asking: Asking,
  scheme: OAuth2,
  { code, verifier }: Extract<Grant, { kind: 'code' }>,
): readonly Buffer[] {
  const { body } = asking;
  for (const value of [code, verifier]) {
    if (!value.every(VSCHAR)) throw unfit('has characters that its slot cannot carry');
    assertFindable(value);
  }
  body.text('grant_type=authorization_code');
  writeParameter(body, 'code', code);
  writeText(body, 'redirect_uri', scheme.redirect_uri);
  writeParameter(body, 'code_verifier', verifier);
  const shown = writeClient(asking, scheme);
  writeWishes(body, scheme.resource === undefined ? {} : { resource: scheme.resource });
  return [ownedConcat(code), ownedConcat(verifier), ...shown];
}

/** RFC 6749 §6. @returns as above */
function writeRefresh(asking: Asking, scheme: OAuth2): readonly Buffer[] {
  const { body, fields } = asking;
  using token = fill(scheme.refresh_token, fields, VSCHAR);
  assertFindable(token.bytes);
  body.text('grant_type=refresh_token');
  writeParameter(body, 'refresh_token', token.bytes);
  const shown = writeClient(asking, scheme);
  writeWishes(body, scheme);
  return [ownedConcat(token.bytes), ...shown];
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
