/**
 * Who asks at the token endpoint: `private_key_jwt` (RFC 7523 §3) or a public client by its id, and a DPoP proof
 * (RFC 9449 §5) of all but those an operator marked. Never a shared secret, and never a `jti` burnt before everything else
 * about the request held.
 */
import { DAuthError, LIMITS, type JsonObject } from '@dauth/protocol';
import { readProof, readUnverifiedJws, verifyDpopProof, type VerifiedProof } from '@dauth/verify';
import { resolveClient } from '../clients/document.ts';
import type { Authority } from '../context.ts';
import { addressOf, rawHeaders, type HttpContext } from '../http.ts';
import type { Client } from '../store/registry.ts';
import { OAuthError } from './errors.ts';
import type { Form } from './form.ts';
import { requireNonce } from './nonce.ts';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** RFC 7523 leaves `typ` open; these are in use. */
const ASSERTION_TYP = [undefined, 'JWT', 'client-authentication+jwt'];

/** RFC 7523 §3 item 4 leaves the life open; a longer one would have to be remembered longer. */
const ASSERTION_SECONDS = 300;
const MAX_JTI = 128;
const HOW = 'Clients authenticate with private_key_jwt (client_assertion).';
const NEEDS_PROOF = 'The request needs a DPoP header; every token is bound to a key.';
const NOT_PROVEN = 'The client assertion does not prove a registered client.';
/** Schemes of an Authorization header that an answer may name; whatever else came is nothing to repeat. */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['bearer', 'Bearer'],
  ['dpop', 'DPoP'],
]);
/** Endpoints whose proof is of the key that a token will be bound to. */
const BINDING: readonly string[] = ['/token', '/device_authorization'];

export interface AuthenticatedClient {
  readonly client: Client;
  /** Null for a client that an operator marked for the Bearer exception (spec/dauth.md §4), and where one may be left out. */
  readonly proof: VerifiedProof | null;
  /** The assertion's key for the replay store, and its end; null for a public client. */
  readonly assertion: readonly [key: string, expiresAt: number] | null;
}

/**
 * @param path of the endpoint, to which assertion and proof are made
 * @throws OAuthError `invalid_client`, `invalid_dpop_proof`, `use_dpop_nonce`
 */
export async function authenticateClient(
  authority: Authority,
  c: HttpContext,
  form: Form,
  path: '/token' | '/par' | '/device_authorization' | '/revoke' | '/introspect' = '/token',
): Promise<AuthenticatedClient> {
  const isPublic = form.client_assertion === undefined && form.client_assertion_type === undefined;
  refuseSecrets(c, form, isPublic);
  const { client, assertion } = await (isPublic
    ? readPublic(authority, c, form)
    : readAssertion(authority, c, form, path));
  return { client, assertion, proof: readTokenProof(authority, c, client, path) };
}

/**
 * The ways of RFC 6749 §2.3.1, none of which is taken: beside an assertion they are one too many, and a header gets a
 * challenge in the scheme it came in (§5.2).
 */
function refuseSecrets(c: HttpContext, { client_secret }: Form, isPublic: boolean): void {
  const header = c.req.header('authorization');
  if (header === undefined && client_secret === undefined) return;
  if (!isPublic) throw new OAuthError('invalid_request', 'A client authenticates in one way: by its assertion alone.');
  if (header !== undefined) {
    const [scheme = ''] = header.split(' ', 1);
    c.header('www-authenticate', `${SCHEMES.get(scheme.toLowerCase()) ?? 'Basic'} realm="clients"`);
  }
  throw new OAuthError('invalid_client', HOW);
}

/** A public client says who it is; what it may do hangs on PKCE and its DPoP key. */
async function readPublic(
  authority: Authority,
  c: HttpContext,
  form: Form,
): Promise<Pick<AuthenticatedClient, 'client' | 'assertion'>> {
  const client =
    form.client_id === undefined ? undefined : await resolveClient(authority, form.client_id, addressOf(c));
  const isKnown = client?.auth === 'none' && !authority.store.changes.isRevoked('client', client.client_id);
  // No client, one with a key, and a revoked one are one answer.
  if (!isKnown) throw new OAuthError('invalid_client', HOW);
  return { client, assertion: null };
}

/** Records the assertion and the proof, each once. Call inside the transaction that issues. */
export function consumeOnce(authority: Authority, { client, assertion, proof }: AuthenticatedClient): void {
  const { store } = authority;
  // Asked at the door already, but others were answered since: no token follows an acknowledged revocation.
  if (store.changes.isRevoked('client', client.client_id))
    throw new OAuthError('invalid_client', assertion === null ? HOW : NOT_PROVEN);
  if (proof === null && mayBeUnbound(authority, client) && !mayStillBeUnbound(authority, client))
    throw new OAuthError('invalid_dpop_proof', NEEDS_PROOF);
  if (assertion !== null && !store.once.consume(...assertion))
    throw new OAuthError('invalid_client', 'This client assertion was used before. Sign a fresh one.');
  if (proof !== null && !store.once.consume(`${proof.jkt}.${proof.jti}`, proof.iat + LIMITS.proofReplaySeconds)) {
    throw new OAuthError('invalid_dpop_proof', 'This DPoP proof was used before. Sign a fresh one.');
  }
}

/** Nor does a token without a key follow the end of the mark that allows it. */
function mayStillBeUnbound(authority: Authority, { client_id: id }: Client): boolean {
  const client = authority.store.registry.client(id);
  return client !== undefined && mayBeUnbound(authority, client);
}

/** Thumbprint of the key that what is issued will be bound to; null under the Bearer exception. */
export function boundTo({ proof }: AuthenticatedClient): string | null {
  return proof?.jkt ?? null;
}

/** Whether a client may have tokens without a key: marked by an operator, in an installation that allows it. */
export function mayBeUnbound({ config }: Pick<Authority, 'config'>, client: Client): boolean {
  return config.bearerException === 'marked-clients' && !client.dpop_bound_access_tokens;
}

async function readAssertion(
  authority: Authority,
  c: HttpContext,
  form: Form,
  path: string,
): Promise<Pick<AuthenticatedClient, 'client' | 'assertion'>> {
  if (form.client_assertion_type !== ASSERTION_TYPE || form.client_assertion === undefined)
    throw new OAuthError('invalid_client', HOW);
  try {
    const signed = readUnverifiedJws(form.client_assertion, { typ: ASSERTION_TYP, maxLength: LIMITS.proof });
    const { iss } = signed.unverified;
    // Nothing but a string is looked up: turning an object into one can throw.
    const client = typeof iss === 'string' ? await resolveClient(authority, iss, addressOf(c)) : undefined;
    // An unknown client, a wrong signature and a revoked client are one answer.
    if (client?.jwk == null || authority.store.changes.isRevoked('client', client.client_id)) throw notProven();
    const { claims } = signed.verify(client.jwk);
    if (form.client_id !== undefined && form.client_id !== client.client_id) throw notProven();
    return { client, assertion: checkClaims(authority, client, claims, path) };
  } catch (cause) {
    if (!(cause instanceof DAuthError)) throw cause;
    throw new OAuthError('invalid_client', NOT_PROVEN, { cause });
  }
}

/** RFC 7523 §3: who, to whom, until when, once. */
function checkClaims(
  { config, now }: Authority,
  client: Client,
  claims: JsonObject,
  path: string,
): readonly [string, number] {
  const { iss, sub, aud, exp, iat, nbf, jti } = claims;
  const latest = now() + LIMITS.clockLeewaySeconds;
  const audience = Array.isArray(aud) && aud.length === 1 ? (aud as readonly unknown[])[0] : aud;
  if (iss !== client.client_id || sub !== client.client_id) throw notProven();
  // RFC 9126 §2: at every endpoint also the issuer and the token endpoint.
  const audiences = [config.issuer, `${config.issuer}/token`, `${config.issuer}${path}`];
  if (!audiences.some((each) => audience === each)) throw notProven();
  if (!isTime(exp) || exp <= now() || exp > latest + ASSERTION_SECONDS) throw notProven();
  for (const start of [iat, nbf]) if (start !== undefined && !(isTime(start) && start <= latest)) throw notProven();
  if (typeof jti !== 'string' || jti.length === 0 || jti.length > MAX_JTI) throw notProven();
  return [`assertion.${client.client_id}.${jti}`, exp];
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function notProven(): DAuthError {
  return new DAuthError('UNAUTHENTICATED');
}

function readTokenProof(authority: Authority, c: HttpContext, client: Client, path: string): VerifiedProof | null {
  try {
    const proof = readProof(rawHeaders(c));
    // RFC 9449 §10.1: a pushed request may name its key by a proof, by `dpop_jkt`, or leave it to the token request. Where
    // nothing is issued a proof is not needed, and one that came is held to all that a proof is held to.
    if (proof === undefined && (!BINDING.includes(path) || mayBeUnbound(authority, client))) return null;
    if (proof === undefined) throw new DAuthError('UNAUTHENTICATED', NEEDS_PROOF);
    const htu = `${authority.config.issuer}${path}`;
    const now = authority.now();
    const verified = verifyDpopProof(proof, { htm: 'POST', htu, now, windowSeconds: LIMITS.proofSeconds });
    if (client.dpop_nonces) requireNonce(authority.nonces, c, verified.claims.nonce, now);
    return verified;
  } catch (error) {
    if (error instanceof DAuthError) throw new OAuthError('invalid_dpop_proof', error.publicMessage, { cause: error });
    throw error;
  }
}
