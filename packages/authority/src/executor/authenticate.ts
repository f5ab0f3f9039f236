/** Requests of the executor: a proof by its pinned identity key over method, URL and body. Nobody else gets an envelope. */
import { DAuthError, HEADER, LIMITS } from '@dauth/protocol';
import { sha256Base64url, verifyExecutorProof } from '@dauth/verify';
import type { Authority } from '../context.ts';
import type { HttpContext } from '../http.ts';

/** @returns the proof's `jti` @throws DAuthError `UNAUTHENTICATED`, `REPLAY_DETECTED` */
export function authenticateExecutor(authority: Authority, c: HttpContext, body?: Uint8Array): string {
  const { config, store, now } = authority;
  const proof = c.req.header(HEADER.executorProof);
  if (proof === undefined) throw new DAuthError('UNAUTHENTICATED', 'This endpoint is the executor\'s.');
  const { jkt, jti, iat } = verifyExecutorProof(proof, {
    ...{ htm: c.req.method, htu: `${config.issuer}${new URL(c.req.url).pathname}`, requireJkt: config.executor.identity },
    ...{ now: now(), windowSeconds: LIMITS.proofSeconds, ...(body === undefined ? {} : { bodySha256: sha256Base64url(body) }) },
  });
  if (!store.once.consume(`${jkt}.${jti}`, iat + LIMITS.proofReplaySeconds)) throw new DAuthError('REPLAY_DETECTED');
  return jti;
}
