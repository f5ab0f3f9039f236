/**
 * What tokens say that verified, so that a token which comes with every call is taken apart once: by the digest of its whole compact
 * form, for as long as the very key by which it verified is published. What it says is compared each time, as ever.
 * Never keeps a token, which could be stolen from here, nor a refusal, nor what one reader could change for the next.
 */
import { frozen, LIMITS, type JsonObject } from '@dauth/protocol';
import type { JwksCache } from './jwks.ts';
import { assertTyp, readAlg, verifyJws, type JwsOptions } from './jws.ts';
import type { VerifyKey } from './key.ts';
import type { Subject } from './refuse.ts';

export interface ReadToken {
  readonly header: JsonObject;
  /** Frozen, whatever is in them too. */
  readonly claims: JsonObject;
  readonly key: VerifyKey;
}

const CAPACITY = 4_096;
/** Characters of a token whose claims are kept: 4,096 of the largest then take some 40 MB, and of the usual 10. */
const MAX_KEPT = 4_096;

export class ReadTokens {
  readonly #capacity: number;
  readonly #tokens = new Map<string, ReadToken>();

  /** @param capacity how many are kept; the oldest makes room */
  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /** How many are kept now. */
  get size(): number {
    return this.#tokens.size;
  }

  find(digest: string): ReadToken | undefined {
    return this.#tokens.get(digest);
  }

  keep(digest: string, token: ReadToken): void {
    this.#tokens.delete(digest);
    if (this.#tokens.size >= this.#capacity) this.#tokens.delete(this.#tokens.keys().next().value!);
    this.#tokens.set(digest, token);
  }
}

/**
 * Verifies a token by its issuer's published keys, fetching them where needed.
 * @returns its claims; frozen where they are kept
 * @throws DAuthError `subject.refusal`; `ENCLAVE_UNAVAILABLE` while the keys cannot be had
 */
export async function readPublished(
  jwks: JwksCache,
  { token, ath }: { readonly token: string; readonly ath: string },
  kind: { readonly typ: JwsOptions['typ']; readonly algs: readonly string[] },
  subject: Subject,
): Promise<JsonObject> {
  const known = jwks.read.find(ath);
  if (known !== undefined && known.key === (await jwks.resolveNamed(known.header, subject))) {
    assertTyp(known.header, kind.typ, subject);
    readAlg(known.header, kind.algs, subject);
    return known.claims;
  }
  const key = await jwks.resolveFor(token, LIMITS.token, subject);
  const options = { ...kind, ...subject, keys: key, maxLength: LIMITS.token };
  if (token.length > MAX_KEPT) return verifyJws(token, { ...options, verified: jwks.verified }).claims;
  const { header, claims } = verifyJws(token, options);
  jwks.read.keep(ath, { header, claims: frozen(claims), key });
  return claims;
}
