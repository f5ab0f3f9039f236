/**
 * Step 2 of a dispatch: who asks. A dispatch token for this executor, a fresh proof by the key that it is bound to, and neither before.
 * Never opens anything, and writes nothing but that the proof was used.
 */
import { DAuthError, LIMITS } from '@dauth/protocol';
import {
  readAuthorization,
  verifyAccessTokenWith,
  verifyDpopProof,
  type AccessClaims,
  type JwksCache,
  type ReplayStore,
} from '@dauth/verify';

/** The mark of a dispatch token whose call came without a proof. */
const BEARER = 'ddls:bearer';

export interface AuthenticateDeps {
  readonly issuer: string;
  readonly resource: string;
  readonly node: string;
  readonly jwks: JwksCache;
  readonly replay: ReplayStore;
  /** Unix seconds. */
  readonly now: () => number;
  /** Unix second of the node's start: what was signed before it may have been used before it. */
  readonly startedAt: number;
}

/** Who asks: a verified dispatch token and its proof. */
export interface Caller {
  readonly claims: AccessClaims;
  /** Whether it acts on a call by a client without a key (§4, Bearer exception). */
  readonly isBearer: boolean;
  /** The MCP server's resource URI. */
  readonly server: string;
  readonly tokens: readonly string[];
  /** `${jkt}.${jti}` of the proof, kept with the intent so that a restart knows it was used. */
  readonly proof: string;
}

/**
 * Step 2: who. Token, then proof, then replay, recorded last so that a request refused otherwise burns nothing.
 * @throws DAuthError `UNAUTHENTICATED`, `REPLAY_DETECTED`, `RATE_LIMITED`, `ENCLAVE_UNAVAILABLE`
 */
export async function authenticate(
  request: { readonly rawHeaders: readonly string[]; readonly method: string; readonly path: string },
  deps: AuthenticateDeps,
): Promise<Caller> {
  const { scheme, token, proof } = readAuthorization(request.rawHeaders);
  if (scheme !== 'DPoP' || proof === undefined) {
    throw new DAuthError(
      'UNAUTHENTICATED',
      'A dispatch token is shown with the DPoP scheme and a proof, never as Bearer.',
    );
  }
  const claims = await verifyAccessTokenWith(deps.jwks, token, {
    issuer: deps.issuer,
    audience: deps.resource,
    now: deps.now(),
    maxLifetime: LIMITS.dispatchTokenSeconds,
  });
  if (claims.act === undefined || claims.subjectJti === undefined) {
    throw new DAuthError('UNAUTHENTICATED', 'The token is no dispatch token: it names no server that acts (act.sub).');
  }
  const isBearer = claims.raw[BEARER] === true;
  if ((claims.raw[BEARER] !== undefined && !isBearer) || isBearer === (claims.subjectDpop !== undefined)) {
    const what = `carries the proof of its call, or says that there was none (${BEARER}): one of the two`;
    throw new DAuthError('UNAUTHENTICATED', `A dispatch token ${what}.`);
  }
  const verified = verifyDpopProof(proof, {
    htm: request.method,
    htu: deps.node + escaped(request.path),
    accessToken: token,
    now: deps.now(),
    windowSeconds: LIMITS.proofSeconds,
    requireJkt: claims.cnf.jkt,
  });
  if (verified.iat < deps.startedAt) {
    throw new DAuthError(
      'UNAUTHENTICATED',
      'The DPoP proof is older than this node. Sign a fresh proof for each request.',
    );
  }
  const key = `${verified.jkt}.${verified.jti}`;
  if (!(await deps.replay.consume(key, verified.iat + LIMITS.proofReplaySeconds)))
    throw new DAuthError('REPLAY_DETECTED');
  return { claims, isBearer, server: claims.act.sub, tokens: [claims.jti, claims.subjectJti], proof: key };
}

/** What stands raw in a request target but in no URI: a proof's `htu` can only have it escaped. */
function escaped(path: string): string {
  return path.replaceAll(
    /[^!$&'()*+,\-./:;=@\w~%]/g,
    (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
