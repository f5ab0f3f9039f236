/**
 * Asks the executor whether an envelope opens (spec/dauth.md §3 "try"): one bit, one minimum time, few times.
 * Never an oracle: every failure takes the same path and at least the same time, and an owner has few tries a minute.
 */
import { DAuthError, isObject, LIMITS, parseEnvelope, parseJson, TYP } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import { newId, type Authority } from '../context.ts';

const MIN_MS = 300;
const TIMEOUT_MS = 5_000;
const TICKET_SECONDS = 60;
const TRIES_PER_MINUTE = 10;
const tries = new WeakMap<Authority, Map<string, { minute: number; count: number }>>();

/** @throws DAuthError `DECRYPTION_FAILED`, `RATE_LIMITED` */
export async function tryEnvelope(authority: Authority, envelope: string, owner: string): Promise<void> {
  countTry(authority, owner);
  const [ok] = await Promise.all([ask(authority, envelope), new Promise((resolve) => setTimeout(resolve, MIN_MS))]);
  if (!ok) throw new DAuthError('DECRYPTION_FAILED', 'The executor cannot use this sealed credential. Seal it again for its current key.');
}

async function ask(authority: Authority, envelope: string): Promise<boolean> {
  const { config, key, now } = authority;
  const { handle, ver } = parseEnvelope(envelope).header.dauth;
  const claims = { iss: config.issuer, aud: config.executor.resource, jti: newId(), handle, ver, sha256: sha256Base64url(envelope) };
  const ticket = key.sign(TYP.tryTicket, { ...claims, exp: now() + TICKET_SECONDS });
  try {
    const response = await authority.fetch(`${config.executor.resource}/try`, {
      method: 'POST',
      redirect: 'error',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ envelope, ticket }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = parseJson(await response.text(), LIMITS.proof);
    return response.ok && isObject(answer) && answer.ok === true;
  } catch {
    return false;
  }
}

function countTry(authority: Authority, owner: string): void {
  const counts = tries.get(authority) ?? new Map<string, { minute: number; count: number }>();
  tries.set(authority, counts);
  const minute = Math.floor(authority.now() / 60);
  for (const [name, entry] of counts) if (entry.minute < minute) counts.delete(name);
  const count = (counts.get(owner)?.count ?? 0) + 1;
  if (count > TRIES_PER_MINUTE) throw new DAuthError('RATE_LIMITED', 'Too many tries in this minute.');
  counts.set(owner, { minute, count });
}
