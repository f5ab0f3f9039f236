/**
 * Who asks at the token endpoint: `private_key_jwt` (RFC 7523 §3) and a DPoP proof (RFC 9449 §5), both always.
 * Never a shared secret, and never a `jti` burnt before everything else about the request held.
 */
import { DAuthError, LIMITS, parseClaims, splitJws } from '@dauth/protocol';
import { readProof, verifyDpopProof, verifyJws, type VerifiedProof } from '@dauth/verify';
import type { Authority } from '../context.ts';
import { rawHeaders, type HttpContext } from '../http.ts';
import type { Client } from '../store/registry.ts';
import { OAuthError } from './errors.ts';
import type { Form } from './form.ts';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** RFC 7523 leaves `typ` open; these are in use. */
const ASSERTION_TYP = [undefined, 'JWT', 'client-authentication+jwt'];

export interface AuthenticatedClient {
  readonly client: Client;
  readonly proof: VerifiedProof;
  /** Keys and times for `consume`, once the request is known to succeed. */
  readonly once: readonly (readonly [key: string, expiresAt: number])[];
}

/** @throws OAuthError `invalid_client`, `invalid_dpop_proof` */
export function authenticateClient(authority: Authority, c: HttpContext, form: Form): AuthenticatedClient {
  const { client, once } = readAssertion(authority, form);
  const proof = readTokenProof(authority, c);
  return { client, proof, once: [once, [`${proof.jkt}.${proof.jti}`, proof.iat + LIMITS.proofReplaySeconds]] };
}

/** Records the assertion and the proof, each once. Call inside the transaction that issues. */
export function consumeOnce(authority: Authority, by: AuthenticatedClient): void {
  for (const [key, expiresAt] of by.once) {
    if (!authority.store.once.consume(key, expiresAt)) {
      throw new OAuthError('invalid_dpop_proof', 'This proof or client assertion was used before. Sign fresh ones.');
    }
  }
}

function readAssertion(authority: Authority, form: Form): { client: Client; once: readonly [string, number] } {
  const { config, store, now } = authority;
  if (form.client_assertion_type !== ASSERTION_TYPE || form.client_assertion === undefined || form.client_secret !== undefined) {
    throw new OAuthError('invalid_client', 'Clients authenticate with private_key_jwt (client_assertion).');
  }
  try {
    const compact = form.client_assertion;
    const unverified = parseClaims(splitJws(compact, LIMITS.proof).payload, LIMITS.proof);
    const client = store.registry.client(String(unverified.iss));
    // An unknown client and a wrong signature are the same answer.
    if (client === undefined) throw new DAuthError('UNAUTHENTICATED');
    const { claims } = verifyJws(compact, { typ: ASSERTION_TYP, maxLength: LIMITS.proof, keys: client.jwk });
    const audience = Array.isArray(claims.aud) && claims.aud.length === 1 ? (claims.aud as unknown[])[0] : claims.aud;
    const { exp, jti, nbf, iat } = claims;
    const time = now();
    if (claims.iss !== client.client_id || claims.sub !== client.client_id) throw new DAuthError('UNAUTHENTICATED');
    if (form.client_id !== undefined && form.client_id !== client.client_id) throw new DAuthError('UNAUTHENTICATED');
    if (audience !== config.issuer && audience !== `${config.issuer}/token`) throw new DAuthError('UNAUTHENTICATED');
    if (typeof exp !== 'number' || exp <= time || exp > time + 300 + LIMITS.clockLeewaySeconds) throw new DAuthError('UNAUTHENTICATED');
    for (const start of [nbf, iat]) {
      if (start !== undefined && !(typeof start === 'number' && start <= time + LIMITS.clockLeewaySeconds)) throw new DAuthError('UNAUTHENTICATED');
    }
    if (typeof jti !== 'string' || jti.length === 0 || jti.length > 128) throw new DAuthError('UNAUTHENTICATED');
    if (store.changes.isRevoked('client', client.client_id)) throw new DAuthError('UNAUTHENTICATED');
    return { client, once: [`assertion.${client.client_id}.${jti}`, Math.ceil(exp)] };
  } catch (cause) {
    if (!(cause instanceof DAuthError)) throw cause;
    throw new OAuthError('invalid_client', 'The client assertion does not prove a registered client.', { cause });
  }
}

function readTokenProof(authority: Authority, c: HttpContext): VerifiedProof {
  try {
    const proof = readProof(rawHeaders(c));
    if (proof === undefined) throw new OAuthError('invalid_dpop_proof', 'The token request needs a DPoP header; every token is bound to a key.');
    const htu = `${authority.config.issuer}/token`;
    return verifyDpopProof(proof, { htm: 'POST', htu, now: authority.now(), windowSeconds: LIMITS.proofSeconds });
  } catch (error) {
    if (error instanceof DAuthError) throw new OAuthError('invalid_dpop_proof', error.publicMessage, { cause: error });
    throw error;
  }
}
