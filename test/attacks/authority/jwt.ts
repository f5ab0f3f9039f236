/** JWTs as an attacker would write them: any header, any claims, signed by anybody or by nobody. Checks nothing. */
import { createHmac } from 'node:crypto';
import type { JwtChange } from './entry.ts';
import type { Key } from './side.ts';

export interface Made {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly key: Key;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export async function makeJwt(base: Made, change: JwtChange, stranger: Key): Promise<string> {
  if (change.raw !== undefined) return change.raw;
  const header = merge(base.header, change.header);
  const signed = `${encode(header)}.${encode(merge(base.claims, dated(change.claims)))}`;
  if (change.signed === 'nobody') return `${signed}.`;
  if (change.signed === 'mac') {
    const mac = createHmac('sha256', JSON.stringify(base.key.jwk)).update(signed);
    return `${signed}.${mac.digest('base64url')}`;
  }
  const { privateKey } = change.signed === 'stranger' ? stranger : base.key;
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
  const signature = await crypto.subtle.sign(algorithm, privateKey, Buffer.from(signed));
  return `${signed}.${Buffer.from(signature).toString('base64url')}`;
}

export function now(): number {
  return Math.floor(Date.now() / 1_000);
}

function merge(base: object, change: object = {}): object {
  return Object.fromEntries(Object.entries({ ...base, ...change }).filter(([, value]) => value !== null));
}

/** Times are given as seconds from now. */
function dated(claims: Readonly<Record<string, unknown>> = {}): object {
  const isTime = (name: string, value: unknown): value is number =>
    ['iat', 'exp', 'nbf'].includes(name) && typeof value === 'number';
  return Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [name, isTime(name, value) ? now() + value : value]),
  );
}
