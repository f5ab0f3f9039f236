/**
 * An assertion of a trusted issuer (RFC 7523 §3): who signed it, for whom, until when. What it permits is its profile's.
 * Never says to the caller what was wrong with one: every refusal is the same answer, and its reason a word in the log.
 */
import { DAuthError, LIMITS, parseClaims, splitJws, type JsonObject } from '@dauth/protocol';
import { ALGS, RSA_ALGS, verifyJws } from '@dauth/verify';
import type { Authority } from '../context.ts';
import { findIssuerKey } from './issuer-keys.ts';
import type { IdJagIssuer, TrustedIssuer, WorkloadIssuer } from './trusted-issuers.ts';

/** draft-ietf-oauth-identity-assertion-authz-grant §3. */
export const ID_JAG_TYP = 'oauth-id-jag+jwt';
/** Platforms write these, or none. Never the type of a token of ours, or of an ID-JAG. */
const WORKLOAD_TYP = [undefined, 'JWT', 'JOSE'];
const MAX_SUB = 256;

export type Reason =
  | 'form'
  | 'issuer'
  | 'key'
  | 'signature'
  | 'aud'
  | 'time'
  | 'sub'
  | 'client'
  | 'jti'
  | 'cnf'
  | 'rule'
  | 'used'
  | 'details'
  | 'name'
  | 'email'
  | 'email_verified';

/** One assertion that is not taken. */
export class AssertionRefused extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, options?: { cause?: unknown }) {
    super(`The assertion was refused (${reason}).`, options);
    this.name = 'AssertionRefused';
    this.reason = reason;
  }
}

/** An assertion whose signature and whose common claims hold. */
export interface Asserted<Issuer extends TrustedIssuer> {
  readonly issuer: Issuer;
  readonly claims: JsonObject;
  readonly sub: string;
  /** Unix seconds. */
  readonly exp: number;
}

interface Parts {
  readonly header: JsonObject;
  readonly iss: unknown;
}

/** The profile an assertion says it is of; nothing else about it is believed yet. @throws AssertionRefused */
export function profileOf(compact: string): TrustedIssuer['profile'] {
  return split(compact).header.typ === ID_JAG_TYP ? 'id-jag' : 'workload';
}

/** @throws AssertionRefused */
export function verifyIdJag(authority: Authority, compact: string, jkt: string): Promise<Asserted<IdJagIssuer>> {
  const isTrusted = (each: TrustedIssuer): each is IdJagIssuer => each.profile === 'id-jag';
  return verify(authority, compact, authority.config.trustedIssuers.filter(isTrusted), [ID_JAG_TYP], jkt);
}

/** @throws AssertionRefused */
export function verifyWorkload(authority: Authority, compact: string, jkt: string): Promise<Asserted<WorkloadIssuer>> {
  const isTrusted = (each: TrustedIssuer): each is WorkloadIssuer => each.profile === 'workload';
  return verify(authority, compact, authority.config.trustedIssuers.filter(isTrusted), WORKLOAD_TYP, jkt);
}

async function verify<Issuer extends TrustedIssuer>(
  authority: Authority,
  compact: string,
  trusted: readonly Issuer[],
  typ: readonly (string | undefined)[],
  jkt: string,
): Promise<Asserted<Issuer>> {
  const { header, iss } = split(compact);
  const issuer = trusted.find((each) => each.issuer === iss);
  // Before anything is fetched: only what the operator wrote down is ever looked up.
  if (issuer === undefined) throw new AssertionRefused('issuer');
  const { kid, alg } = header;
  const algs = [...ALGS, ...RSA_ALGS];
  if (typeof kid !== 'string' || !algs.includes(alg as string)) throw new AssertionRefused('key');
  const keys = await findIssuerKey(authority, issuer, kid);
  if (keys === undefined) throw new AssertionRefused('key');
  const claims = inAssertion(
    'signature',
    () => verifyJws(compact, { typ, algs, maxLength: LIMITS.token, keys, what: 'The assertion' }).claims,
  );
  return { issuer, claims, ...readCommon(authority, claims, jkt) };
}

/** RFC 7523 §3 items 2 to 7, and the key it may be bound to (RFC 7800 §3.1). */
function readCommon({ config, now }: Authority, claims: JsonObject, jkt: string): { sub: string; exp: number } {
  const { sub, aud, exp, iat, nbf, cnf } = claims;
  const audience = Array.isArray(aud) && aud.length === 1 ? (aud as readonly unknown[])[0] : aud;
  if (audience !== config.issuer) throw new AssertionRefused('aud');
  const latest = now() + LIMITS.clockLeewaySeconds;
  if (!isTime(exp) || exp <= now() || !isTime(iat) || iat > latest || iat >= exp) throw new AssertionRefused('time');
  if (nbf !== undefined && !(isTime(nbf) && nbf <= latest)) throw new AssertionRefused('time');
  // oxlint-disable-next-line no-control-regex -- controls are what this refuses
  if (typeof sub !== 'string' || !/^[^\u0000-\u001f\u007f-\u009f]+$/.test(sub) || sub.length > MAX_SUB)
    throw new AssertionRefused('sub');
  if (cnf !== undefined && !isBoundTo(cnf, jkt)) throw new AssertionRefused('cnf');
  return { sub, exp };
}

/** Bound to this key and in no other way: what cannot be checked here is not overlooked. */
function isBoundTo(cnf: unknown, jkt: string): boolean {
  const members = typeof cnf === 'object' && cnf !== null ? Object.entries(cnf) : [];
  return members.length === 1 && members[0]![0] === 'jkt' && members[0]![1] === jkt;
}

function split(compact: string): Parts {
  return inAssertion('form', () => {
    const { header, payload } = splitJws(compact, LIMITS.token);
    return { header, iss: parseClaims(payload, LIMITS.token).iss };
  });
}

/** Gives a refusal of our own codecs the reason it has here. */
export function inAssertion<T>(reason: Reason, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (!(cause instanceof DAuthError) || cause.code === 'INTERNAL') throw cause;
    throw new AssertionRefused(reason, { cause });
  }
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
