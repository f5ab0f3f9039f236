/**
 * Who asks at the token endpoint: `private_key_jwt` (RFC 7523 §3) and a DPoP proof (RFC 9449 §5), both always.
 * Never a shared secret, and never a `jti` burnt before everything else about the request held.
 */
import { DAuthError, LIMITS, parseClaims, splitJws, type JsonObject } from '@dauth/protocol';
import { readProof, verifyDpopProof, verifyJws, type VerifiedProof } from '@dauth/verify';
import type { Authority } from '../context.ts';
import { rawHeaders, type HttpContext } from '../http.ts';
import type { Client } from '../store/registry.ts';
import { OAuthError } from './errors.ts';
import type { Form } from './form.ts';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** RFC 7523 leaves `typ` open; these are in use. */
const ASSERTION_TYP = [undefined, 'JWT', 'client-authentication+jwt'];

/** RFC 7523 §3 item 4 leaves the life open; a longer one would have to be remembered longer. */
const ASSERTION_SECONDS = 300;
const MAX_JTI = 128;

export interface AuthenticatedClient {
  readonly client: Client;
  readonly proof: VerifiedProof;
  /** The assertion's key for the replay store, and its end. */
  readonly assertion: readonly [key: string, expiresAt: number];
}

/** @throws OAuthError `invalid_client`, `invalid_dpop_proof` */
export function authenticateClient(authority: Authority, c: HttpContext, form: Form): AuthenticatedClient {
  const { client, assertion } = readAssertion(authority, form);
  return { client, assertion, proof: readTokenProof(authority, c) };
}

/** Records the assertion and the proof, each once. Call inside the transaction that issues. */
export function consumeOnce({ store }: Authority, { assertion, proof }: AuthenticatedClient): void {
  if (!store.once.consume(...assertion))
    throw new OAuthError('invalid_client', 'This client assertion was used before. Sign a fresh one.');
  if (!store.once.consume(`${proof.jkt}.${proof.jti}`, proof.iat + LIMITS.proofReplaySeconds)) {
    throw new OAuthError('invalid_dpop_proof', 'This DPoP proof was used before. Sign a fresh one.');
  }
}

function readAssertion(authority: Authority, form: Form): Pick<AuthenticatedClient, 'client' | 'assertion'> {
  if (
    form.client_assertion_type !== ASSERTION_TYPE ||
    form.client_assertion === undefined ||
    form.client_secret !== undefined
  ) {
    throw new OAuthError('invalid_client', 'Clients authenticate with private_key_jwt (client_assertion).');
  }
  try {
    const compact = form.client_assertion;
    const unverified = parseClaims(splitJws(compact, LIMITS.proof).payload, LIMITS.proof);
    const { iss } = unverified;
    // Nothing but a string is looked up: turning an object into one can throw.
    const client = typeof iss === 'string' ? authority.store.registry.client(iss) : undefined;
    // An unknown client, a wrong signature and a revoked client are one answer.
    if (client === undefined || authority.store.changes.isRevoked('client', client.client_id)) throw notProven();
    const { claims } = verifyJws(compact, { typ: ASSERTION_TYP, maxLength: LIMITS.proof, keys: client.jwk });
    if (form.client_id !== undefined && form.client_id !== client.client_id) throw notProven();
    return { client, assertion: checkClaims(authority, client, claims) };
  } catch (cause) {
    if (!(cause instanceof DAuthError)) throw cause;
    throw new OAuthError('invalid_client', 'The client assertion does not prove a registered client.', { cause });
  }
}

/** RFC 7523 §3: who, to whom, until when, once. */
function checkClaims({ config, now }: Authority, client: Client, claims: JsonObject): readonly [string, number] {
  const { iss, sub, aud, exp, iat, nbf, jti } = claims;
  const latest = now() + LIMITS.clockLeewaySeconds;
  const audience = Array.isArray(aud) && aud.length === 1 ? (aud as readonly unknown[])[0] : aud;
  if (iss !== client.client_id || sub !== client.client_id) throw notProven();
  if (audience !== config.issuer && audience !== `${config.issuer}/token`) throw notProven();
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

/** The key that the token will be bound to. @throws OAuthError `invalid_dpop_proof` */
export function readTokenProof(authority: Authority, c: HttpContext): VerifiedProof {
  try {
    const proof = readProof(rawHeaders(c));
    if (proof === undefined)
      throw new DAuthError('UNAUTHENTICATED', 'The token request needs a DPoP header; every token is bound to a key.');
    const htu = `${authority.config.issuer}/token`;
    return verifyDpopProof(proof, { htm: 'POST', htu, now: authority.now(), windowSeconds: LIMITS.proofSeconds });
  } catch (error) {
    if (error instanceof DAuthError) throw new OAuthError('invalid_dpop_proof', error.publicMessage, { cause: error });
    throw error;
  }
}
