/**
 * Requests of the executor: a proof by its pinned identity key over method, URL and body (spec/dauth.md §6).
 * Nobody else gets an envelope, and nobody else makes this process read a large body.
 */
import { DAuthError, HEADER, LIMITS, TYP } from '@dauth/protocol';
import { sha256Base64url, verifyEmbeddedJws, verifyExecutorProof } from '@dauth/verify';
import type { Authority } from '../context.ts';
import { readBody, targetOf, type HttpContext } from '../http.ts';

/** @returns the proof's `jti` @throws DAuthError `UNAUTHENTICATED`, `REPLAY_DETECTED` */
export function authenticateExecutor(authority: Authority, c: HttpContext, body?: Uint8Array): string {
  const { config, store, now } = authority;
  const { jkt, jti, iat } = verifyExecutorProof(proofOf(c), {
    ...{ htm: c.req.method, htu: targetOf(c, config.issuer), requireJkt: config.executor.identity },
    ...{
      now: now(),
      windowSeconds: LIMITS.proofSeconds,
      ...(body === undefined ? {} : { bodySha256: sha256Base64url(body) }),
    },
  });
  if (!store.once.consume(`${jkt}.${jti}`, iat + LIMITS.proofReplaySeconds)) throw new DAuthError('REPLAY_DETECTED');
  return jti;
}

/** Reads a body of the executor's: signed by the pinned identity before an octet is read, and bound to it after. */
export async function readExecutorBody(authority: Authority, c: HttpContext, maxOctets: number): Promise<Uint8Array> {
  const { jkt } = verifyEmbeddedJws(proofOf(c), {
    typ: TYP.executorProof,
    maxLength: LIMITS.proof,
    what: 'The executor proof',
  });
  if (jkt !== authority.config.executor.identity)
    throw new DAuthError('UNAUTHENTICATED', "This endpoint is the executor's.");
  const body = await readBody(c, maxOctets);
  authenticateExecutor(authority, c, body);
  return body;
}

function proofOf(c: HttpContext): string {
  // Doubled, the header is joined by a comma, which no compact JWS has.
  const proof = c.req.header(HEADER.executorProof);
  if (proof === undefined) throw new DAuthError('UNAUTHENTICATED', "This endpoint is the executor's.");
  return proof;
}
