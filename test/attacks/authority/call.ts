/**
 * A caller's call as the MCP server shows it at the exchange: its token, and the proof that came with it, each with a change.
 * Judges nothing.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Change } from './entry.ts';
import { makeJwt, now } from './jwt.ts';
import { RESOURCE, type Side } from './side.ts';

/** @param accessToken of the agent, as the side gave it */
export async function makeCall(
  side: Side,
  accessToken: string,
  change: Change,
): Promise<Readonly<Record<string, string>>> {
  const subject_token = await changed(side, accessToken, change);
  const carried = await proofOf(side, subject_token, change);
  return { subject_token, ...(carried === undefined ? {} : { subject_dpop: carried }) };
}

async function changed({ exchange, keys }: Side, token: string, { subject }: Change): Promise<string> {
  const { from: _, ...change } = subject ?? {};
  // A side without an exchange never looks at it.
  if (exchange === null || Object.keys(change).length === 0) return token;
  const [header, claims] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
  const base = { header: read(header), claims: read(claims), key: exchange.signing };
  return makeJwt(base, change, keys.stranger);
}

async function proofOf({ keys }: Side, token: string, { carried }: Change): Promise<string | undefined> {
  if (carried === 'none') return undefined;
  const key = carried === 'by another key' ? keys.stranger : keys.agent;
  const ath = createHash('sha256').update(token).digest('base64url');
  const claims = { htm: 'POST', htu: RESOURCE, iat: now(), jti: randomUUID(), ath };
  const base = { key, header: { alg: 'ES256', typ: 'dpop+jwt', jwk: key.jwk }, claims };
  return makeJwt(base, typeof carried === 'object' ? carried : {}, keys.stranger);
}

function read(json: string | undefined): Record<string, unknown> {
  return JSON.parse(json ?? '') as Record<string, unknown>;
}
