/**
 * The keys of a trusted issuer: those in the configuration, or those it publishes, by its `kid`.
 * Never fetches from anywhere but where the operator, or the metadata of exactly that issuer, says the keys are.
 */
import { DAuthError, type JsonObject } from '@dauth/protocol';
import { readKeySet, type VerifyKey } from '@dauth/verify';
import type { Authority } from '../context.ts';
import { OutsideError } from '../outside/fault.ts';
import { OAuthError } from './errors.ts';
import type { TrustedIssuer } from './trusted-issuers.ts';

type Keys = ReadonlyMap<string, VerifyKey>;
type Issuer = Pick<TrustedIssuer, 'issuer' | 'jwksUri' | 'jwks'>;

/** A set is read once for as long as its document is remembered. */
const read = new WeakMap<object, Keys>();

/**
 * A key of an issuer. One that is not known is looked for once more where the issuer publishes it, within the pauses of
 * what is fetched from outside.
 * @throws OAuthError `temporarily_unavailable` where its keys cannot be had: that is no word about the assertion
 */
export async function findIssuerKey(authority: Authority, issuer: Issuer, kid: string): Promise<VerifyKey | undefined> {
  if (issuer.jwks !== undefined) return keysOf(issuer.jwks as object).get(kid);
  const { issuers } = authority.outside;
  try {
    const uri = issuer.jwksUri ?? (await discover(authority, issuer));
    return keysOf(await issuers.get(uri)).get(kid) ?? keysOf(await issuers.get(uri, true)).get(kid);
  } catch (cause) {
    const fault = cause instanceof OutsideError ? cause.fault : 'form';
    if (!(cause instanceof OutsideError || cause instanceof DAuthError)) throw cause;
    authority.log({ event: 'issuer_unavailable', issuer: issuer.issuer, fault });
    throw new OAuthError('temporarily_unavailable', "The issuer's keys cannot be had. Try again shortly.", { cause });
  }
}

/** OpenID Connect Discovery 1.0 §4: the document has to be by the issuer that was asked for. */
async function discover({ outside }: Authority, { issuer }: Issuer): Promise<string> {
  const metadata = await outside.issuers.get(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  const { jwks_uri: uri } = metadata;
  if (metadata.issuer !== issuer || typeof uri !== 'string') throw new OutsideError('form');
  return uri;
}

function keysOf(set: JsonObject | object): Keys {
  const known = read.get(set) ?? readKeySet(set, true);
  read.set(set, known);
  return known;
}
