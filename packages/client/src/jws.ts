/**
 * JWS that carry the key they are signed with (spec/dauth.md §2.4, §7), verified on this device.
 * Never says whose key it is: that is the caller's, from what it was told to accept.
 */
import {
  DAuthError,
  parsePublicJwk,
  splitJws,
  thumbprintInput,
  type ErrorCode,
  type JsonObject,
  parseClaims,
} from '@dauth/protocol';
import { compactVerify, importJWK } from 'jose';
import { sha256 } from './key.ts';

export interface SelfKeyedOptions {
  readonly typ: string;
  readonly maxLength: number;
  /** Code of every refusal. */
  readonly code: ErrorCode;
  /** For the sentence of a refusal: `key directory`. */
  readonly what: string;
}

const MEMBERS = ['typ', 'alg', 'jwk', 'kid'];

/** @returns the claims, and the thumbprint of the key that signed them */
export async function verifySelfKeyed(
  compact: string,
  { typ, maxLength, code, what }: SelfKeyedOptions,
): Promise<{ readonly claims: JsonObject; readonly jkt: string }> {
  const refusal = (sentence: string, cause?: unknown) => new DAuthError(code, sentence, { cause });
  try {
    // Strict form first: jose alone would take other spellings of base64url.
    const { header, payload } = splitJws(compact, maxLength);
    const extra = Object.keys(header).some((name) => !MEMBERS.includes(name));
    if (header.typ !== typ || extra) throw refusal(`What was given is not a ${what}.`);
    const jwk = parsePublicJwk(header.jwk);
    // The key decides which algorithms there are, never the header alone (RFC 8725 §3.1).
    const algorithms = jwk.crv === 'P-256' ? ['ES256'] : jwk.crv === 'Ed25519' ? ['EdDSA', 'Ed25519'] : [];
    const { alg } = header;
    if (typeof alg !== 'string' || !algorithms.includes(alg))
      throw refusal(`The ${what} is signed with an algorithm that is not known here.`);
    await compactVerify(compact, await importJWK({ ...jwk }, alg), { algorithms: [alg] }).catch((cause: unknown) => {
      throw refusal(`The signature of the ${what} is wrong.`, cause);
    });
    return { claims: parseClaims(payload, maxLength), jkt: await sha256(thumbprintInput(jwk)) };
  } catch (error) {
    if (!(error instanceof DAuthError)) throw refusal(`The ${what} cannot be verified here.`, error);
    throw error.code === code ? error : refusal(`The ${what} is not valid. ${error.publicMessage}`, error);
  }
}
