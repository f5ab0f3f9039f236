/**
 * Has the executor redeem the code in a stored envelope (spec/dauth.md §2.6): a ticket for exactly this version, and what its
 * owner is told. Never what the code brought: that is sealed before it leaves the executor.
 */
import { DAuthError, isErrorCode, isObject, parseJson, TYP, type ErrorCode } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import type { Authority } from '../context.ts';
import type { StoredEnvelope } from '../store/connections.ts';
import { readShort } from './short.ts';

/** Longer than the exchange takes, and what is stored behind it. */
const TIMEOUT_MS = 40_000;
const TICKET_SECONDS = 60;
/** Octets of a problem document, and characters of its sentence. */
const MAX_ANSWER = 4_096;
const MAX_SENTENCE = 512;
/** What the executor says of the connection, and not of this room. */
const PASSED_ON: readonly ErrorCode[] = [
  ...(['NEEDS_REAUTHORIZATION', 'POLICY_DENIED', 'INVALID_REQUEST', 'CONFLICT', 'DECRYPTION_FAILED'] as const),
  ...(['DOWNSTREAM_TIMEOUT', 'DOWNSTREAM_UNREACHABLE', 'DOWNSTREAM_TLS_ERROR', 'DOWNSTREAM_AUTH_FAILURE'] as const),
  ...(['CONNECTION_SUSPENDED', 'CONNECTION_REVOKED', 'AUDIT_UNAVAILABLE', 'RATE_LIMITED'] as const),
];

/** @throws DAuthError `NEEDS_REAUTHORIZATION`, and whatever else the executor says; `ENCLAVE_UNAVAILABLE` where it says nothing */
export async function redeemCode(authority: Authority, stored: StoredEnvelope): Promise<void> {
  const { config, key, now, newId } = authority;
  const { handle, ver, envelope } = stored;
  const claims = { iss: config.issuer, aud: config.executor.resource, jti: newId(), handle, ver };
  const ticket = key.sign(TYP.redeemTicket, {
    ...{ ...claims, sha256: sha256Base64url(envelope), exp: now() + TICKET_SECONDS },
  });
  let answer: unknown;
  try {
    const response = await authority.fetch(`${config.executor.resource}/redeem`, {
      method: 'POST',
      redirect: 'error',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ticket }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = parseJson(await readShort(response, MAX_ANSWER), MAX_ANSWER);
    if (response.status === 200 && isObject(answer) && answer.ok === true) return;
  } catch (cause) {
    throw new DAuthError('ENCLAVE_UNAVAILABLE', undefined, { cause });
  }
  const { code, detail } = isObject(answer) ? answer : {};
  if (!isErrorCode(code) || !PASSED_ON.includes(code)) throw new DAuthError('ENCLAVE_UNAVAILABLE');
  throw new DAuthError(code, typeof detail === 'string' && detail.length <= MAX_SENTENCE ? detail : undefined);
}
