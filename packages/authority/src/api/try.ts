/**
 * Asks the executor whether an envelope opens (spec/dauth.md §3 "try"): one bit, one minimum time, few times.
 * Never an oracle: every failure takes the same path and at least the same time, and an owner has few tries a minute.
 */
import { DAuthError, isObject, parseEnvelope, parseJson, TYP } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import type { Authority } from '../context.ts';
import { readShort } from './short.ts';

const MIN_MS = 300;
const TIMEOUT_MS = 5_000;
const TICKET_SECONDS = 60;
const TRIES_PER_MINUTE = 10;
/** Octets of the executor's answer, which is one bit. */
const MAX_ANSWER = 64;

/** Counts tries per owner in the running minute. */
export class TryLimit {
  readonly #counts = new Map<string, number>();
  #minute = 0;

  /** @param now Unix seconds @throws DAuthError `RATE_LIMITED` */
  count(subject: { readonly org: string; readonly owner: string }, now: number): void {
    const owner = JSON.stringify([subject.org, subject.owner]);
    const minute = Math.floor(now / 60);
    if (minute !== this.#minute) this.#counts.clear();
    this.#minute = minute;
    const count = (this.#counts.get(owner) ?? 0) + 1;
    if (count > TRIES_PER_MINUTE)
      throw new DAuthError('RATE_LIMITED', 'Too many tries in this minute. Store without trying, or wait.');
    this.#counts.set(owner, count);
  }
}

/** @throws DAuthError `DECRYPTION_FAILED` */
export async function tryEnvelope(authority: Authority, envelope: string): Promise<void> {
  const [isUsable] = await Promise.all([
    ask(authority, envelope),
    new Promise((resolve) => setTimeout(resolve, MIN_MS)),
  ]);
  if (!isUsable)
    throw new DAuthError(
      'DECRYPTION_FAILED',
      'The executor cannot use this sealed credential. Seal it again for its current key.',
    );
}

async function ask(authority: Authority, envelope: string): Promise<boolean> {
  const { config, key, now, newId } = authority;
  const { handle, ver } = parseEnvelope(envelope).header.dauth;
  const claims = {
    iss: config.issuer,
    aud: config.executor.resource,
    jti: newId(),
    handle,
    ver,
    sha256: sha256Base64url(envelope),
  };
  const ticket = key.sign(TYP.tryTicket, { ...claims, exp: now() + TICKET_SECONDS });
  try {
    const response = await authority.fetch(`${config.executor.resource}/try`, {
      method: 'POST',
      redirect: 'error',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ envelope, ticket }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = parseJson(await readShort(response, MAX_ANSWER), MAX_ANSWER);
    return response.status === 200 && isObject(answer) && answer.ok === true;
  } catch {
    return false;
  }
}
