/**
 * Verification of compact JWS (RFC 7515, RFC 8725): strict form first, then type, algorithm, key, signature, claims.
 * Never signs, and never asks the header which algorithm or which key to trust: the header has to agree with the key.
 */
import {
  parseClaims,
  splitJws,
  type CompactJws,
  type ErrorCode,
  type JsonObject,
  type PublicJwk,
} from '@dauth/protocol';
import { findHead, keepHead } from './heads.ts';
import { importKey, isSignedBy, type VerifyKey } from './key.ts';
import { parsing, refuseSubject, type Subject } from './refuse.ts';
import type { VerifiedSignatures } from './verified.ts';

/**
 * Finds the key a header names; `undefined` means that there is none. `kid` is unverified input: a name to look up among
 * trusted keys, nothing else.
 */
export type KeyResolver = (kid: string | undefined, alg: string) => PublicJwk | VerifyKey | undefined;

/** Where the key of a JWS comes from: one key, or a lookup among trusted ones. */
export type KeySource = PublicJwk | VerifyKey | KeyResolver;

export interface JwsOptions {
  /** Exact value of the header's `typ` (RFC 8725 §3.11); a list only where a standard leaves it open (RFC 7523). */
  readonly typ: string | readonly (string | undefined)[];
  /** Characters of the whole compact form, compared before anything is looked at. */
  readonly maxLength: number;
  /** How the refusal's sentence begins. Default `The token`, or `The proof` where the key is embedded. */
  readonly what?: string;
  /** Code of every refusal. Default `UNAUTHENTICATED`. */
  readonly refusal?: ErrorCode;
  /** Where signatures that verified are remembered. Default: nowhere. */
  readonly verified?: VerifiedSignatures | undefined;
}

export interface VerifyJwsOptions extends JwsOptions {
  readonly keys: KeySource;
  /** Names of algorithms that are taken, as far as the key is for them. Default: those of ES256 and Ed25519. */
  readonly algs?: readonly string[];
}

export interface EmbeddedJwsOptions extends JwsOptions {
  /** Header members taken besides `typ`, `alg` and `jwk`. Default: any but `crit` (RFC 7515 §4: unknown ones are ignored). */
  readonly allowedHeader?: readonly string[];
}

export interface VerifiedJws {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  /** RFC 7638 thumbprint of the key. */
  readonly jkt: string;
}

/** A JWS that nobody vouched for yet. */
export interface UnverifiedJws {
  /** To find the key by, as `iss` names whose it is; nothing else of it may be used. */
  readonly unverified: JsonObject;
  /** @throws DAuthError `options.refusal` (default `UNAUTHENTICATED`) */
  verify(keys: KeySource): VerifiedJws;
}

export interface EmbeddedJws extends VerifiedJws {
  readonly jwk: PublicJwk;
}

/** What DAuth itself signs with. */
export const ALGS: readonly string[] = Object.freeze(['ES256', 'Ed25519', 'EdDSA']);

/**
 * Verifies a compact JWS by a key the caller already trusts.
 * @throws DAuthError `options.refusal` (default `UNAUTHENTICATED`)
 */
export function verifyJws(compact: string, options: VerifyJwsOptions): VerifiedJws {
  const subject = subjectOf(options, 'The token');
  const jws = split(compact, options, subject);
  const found = settleBy(options.keys, compact, jws, options, subject);
  return { header: jws.header, claims: read(jws, options, subject), jkt: found.jkt };
}

/**
 * Reads a compact JWS whose key is found by what it says itself. It is read once: what the key was found by and what is verified
 * then are the same words.
 * @throws DAuthError `options.refusal` (default `UNAUTHENTICATED`)
 */
export function readUnverifiedJws(compact: string, options: Omit<VerifyJwsOptions, 'keys'>): UnverifiedJws {
  const subject = subjectOf(options, 'The token');
  const jws = split(compact, options, subject);
  const claims = read(jws, options, subject);
  return {
    unverified: claims,
    verify(keys) {
      const { jkt } = settleBy(keys, compact, jws, options, subject);
      return { header: jws.header, claims, jkt };
    },
  };
}

/**
 * Verifies a compact JWS by the public key in its own header. Says only that whoever holds `jkt` signed it; whether that
 * key means anything is for the caller to compare.
 * @throws DAuthError `options.refusal` (default `UNAUTHENTICATED`)
 */
export function verifyEmbeddedJws(compact: string, options: EmbeddedJwsOptions): EmbeddedJws {
  const subject = subjectOf(options, 'The proof');
  const known = compact.length > options.maxLength ? undefined : findHead(compact);
  const jws = split(compact, options, subject, known?.header);
  readAlg(jws.header, ALGS, subject);
  if (options.allowedHeader !== undefined) {
    const allowed = ['typ', 'alg', 'jwk', ...options.allowedHeader];
    if (!Object.keys(jws.header).every((name) => allowed.includes(name))) {
      refuseSubject(subject, 'has a header member that is not defined for it.');
    }
  }
  const key = known?.key ?? parsing(subject, () => importKey(jws.header.jwk));
  settle(compact, jws, key, options, subject);
  if (known === undefined) keepHead(compact, { header: jws.header, key });
  const { jkt, jwk } = key;
  return { header: jws.header, claims: read(jws, options, subject), jkt, jwk };
}

/** Checks header against key, then the signature. The last step that looks at a payload nobody vouched for is this one. */
export function assertSigned(jws: CompactJws, key: VerifyKey, subject: Subject): void {
  if (Object.hasOwn(jws.header, 'crit'))
    refuseSubject(subject, 'has critical header members (crit) that are not known here.');
  if (!key.algs.includes(jws.header.alg as string))
    refuseSubject(subject, 'names an algorithm that is not the one of its key.');
  if (!isSignedBy(key, Buffer.from(jws.signingInput, 'latin1'), jws.signature))
    refuseSubject(subject, 'has a signature that does not verify.');
}

/** By the key that is found for its header. */
function settleBy(
  keys: KeySource,
  compact: string,
  jws: CompactJws,
  options: JwsOptions & Pick<VerifyJwsOptions, 'algs'>,
  subject: Subject,
): VerifyKey {
  const alg = readAlg(jws.header, options.algs ?? ALGS, subject);
  const found = lookUp(keys, jws.header, alg, subject);
  settle(compact, jws, found, options, subject);
  return found;
}

function settle(compact: string, jws: CompactJws, key: VerifyKey, { verified }: JwsOptions, subject: Subject): void {
  const check = (): void => assertSigned(jws, key, subject);
  if (verified === undefined) check();
  else verified.settle(compact, key, check);
}

function read({ payload }: CompactJws, { maxLength }: JwsOptions, subject: Subject): JsonObject {
  return parsing(subject, () => parseClaims(payload, maxLength));
}

function split(compact: string, options: JwsOptions, subject: Subject, known?: JsonObject): CompactJws {
  const jws = parsing(subject, () => splitJws(compact, options.maxLength, known));
  assertTyp(jws.header, options.typ, subject);
  return jws;
}

export function assertTyp({ typ }: JsonObject, wanted: JwsOptions['typ'], subject: Subject): void {
  const fits = typeof wanted === 'string' ? typ === wanted : wanted.some((one) => typ === one);
  if (!fits) refuseSubject(subject, 'is of another type (typ).');
}

export function readAlg({ alg }: JsonObject, algs: readonly string[], subject: Subject): string {
  // `none` and HS* are no algorithms of any key here, so assertSigned would refuse them too; the sentence is better here.
  if (typeof alg !== 'string' || !algs.includes(alg))
    return refuseSubject(subject, 'uses an algorithm that is not taken here.');
  return alg;
}

function lookUp(keys: KeySource, header: JsonObject, alg: string, subject: Subject): VerifyKey {
  const { kid } = header;
  if (kid !== undefined && typeof kid !== 'string') refuseSubject(subject, 'has a key id (kid) that is no string.');
  const found = typeof keys === 'function' ? keys(kid, alg) : keys;
  if (found === undefined) refuseSubject(subject, 'is signed by a key that is not known here.');
  return 'key' in found ? found : parsing(subject, () => importKey(found));
}

/** The sentence and code of a refusal, with the defaults filled in. */
export function subjectOf(options: { readonly what?: string; readonly refusal?: ErrorCode }, what: string): Subject {
  return { what: options.what ?? what, refusal: options.refusal ?? 'UNAUTHENTICATED' };
}
