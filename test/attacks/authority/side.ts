/**
 * What the battery knows of a server it asks: where its endpoints are, who is registered there, and how a person says yes.
 * Never more than both sides have.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { Person } from '../../support/person.ts';
import type { Base, Who } from './entry.ts';

export const RESOURCE = 'https://mcp.example/mcp';
/** The issuer of the platform, and a workload of it. */
export const PLATFORM = { iss: 'https://platform.example', sub: 'workload:agent' };
/** Of another organisation. */
export const OTHER_RESOURCE = 'https://other.example/mcp';
export const REDIRECT = 'https://app.example/callback?kept=1';
export const ADA = { login: 'ada', password: 'a horse that counts to seven' };

export interface Key {
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  readonly jwk: JWK;
  readonly jkt: string;
}

export async function makeKey(): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(publicKey);
  return { privateKey, jwk, jkt: await calculateJwkThumbprint(jwk) };
}

/** The key of an EC private JWK. */
export async function readKey({ kty, crv, x, y, d }: JWK): Promise<Key> {
  const jwk = { kty, crv, x, y } as JWK;
  const privateKey = (await importJWK({ ...jwk, d } as JWK, 'ES256')) as Key['privateKey'];
  return { privateKey, jwk, jkt: await calculateJwkThumbprint(jwk) };
}

/** The keys of those who have one, of a device, of a platform that says who its workloads are, and of somebody nobody knows. */
export type Keys = Readonly<Record<'agent' | 'server' | 'careful' | 'device' | 'platform' | 'stranger', Key>>;

export interface Side {
  readonly name: 'the authority' | 'the oracle';
  readonly issuer: string;
  readonly paths: Readonly<Record<Base, string>>;
  readonly ids: Readonly<Record<Who, string>>;
  readonly keys: Keys;
  /** Where its dispatch tokens go, and the key it signs tokens with; null where there is no exchange. */
  readonly exchange: { readonly executor: string; readonly signing: Key } | null;
  /** Signed in after the first question, for all the codes that the battery needs. */
  readonly person: Person;
  stop(): Promise<void>;
}

/** A person goes where an app sends them, and says yes to whatever is asked. @returns where they are sent back to */
export async function approve({ person }: Side, address: URL): Promise<URL> {
  let shown = await person.visit(address);
  for (let step = 0; step < 4 && !(shown instanceof URL); step++)
    shown = await person.submit(shown, shown.url.pathname === '/sign-in' ? ADA : { decision: 'approve' });
  if (shown instanceof URL) return shown;
  throw new Error(`Nobody is sent back from ${shown.url.href}: ${shown.html}`);
}
