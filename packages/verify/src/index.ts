/** The public-key half of DAuth: tokens, proofs, key sets, replay. Holds no private key and signs nothing. */
export { readAuthorization, readProof, type Authorization, type RequestHeaders } from './authorization.ts';
export { verifyCallerToken, type CallerClaims, type CallerTokenOptions } from './caller-token.ts';
export { verifyCarriedProof, type CarriedProofOptions } from './carried.ts';
export { equalSecret, sha256, sha256Base64url, thumbprint } from './digest.ts';
export {
  verifyDpopProof,
  verifyExecutorProof,
  type DpopOptions,
  type ExecutorProofOptions,
  type VerifiedProof,
} from './dpop.ts';
export { readText, type FetchLike } from './fetch-json.ts';
export { matchesHtu } from './htu.ts';
export { JwksCache, readKeySet, type JwksCacheOptions } from './jwks.ts';
export {
  ALGS,
  readUnverifiedJws,
  verifyEmbeddedJws,
  verifyJws,
  type EmbeddedJwsOptions,
  type KeyResolver,
  type KeySource,
  type UnverifiedJws,
  type VerifiedJws,
  type VerifyJwsOptions,
} from './jws.ts';
export { importKey, type VerifyKey } from './key.ts';
export { MemoryReplayStore, type MemoryReplayStoreOptions, type ReplayStore } from './replay.ts';
export { RSA_ALGS } from './rsa.ts';
export { verifyReseal, type ResealOptions } from './reseal.ts';
export { verifySealChain, verifySealProof, type SealChainOptions, type SealProofOptions } from './seal.ts';
export { type AccessTokenOptions } from './rfc9068.ts';
export {
  verifyAccessToken,
  verifyAccessTokenWith,
  verifySubjectToken,
  type AccessClaims,
  type SubjectClaims,
} from './token.ts';
