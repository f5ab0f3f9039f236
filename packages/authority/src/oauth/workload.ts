/**
 * Workload identity: a platform's own JWT (Kubernetes, CI) makes its workload one of our registered clients, by rule.
 * Never a rule that half fits, and never a second key: whoever copies the assertion cannot use it beside its workload.
 */
import { DAuthError, LIMITS, type JsonObject } from '@dauth/protocol';
import { readProof, sha256Base64url, verifyDpopProof, type VerifiedProof } from '@dauth/verify';
import type { Authority } from '../context.ts';
import { rawHeaders, type HttpContext } from '../http.ts';
import type { Client } from '../store/registry.ts';
import { AssertionRefused, verifyWorkload } from './assertion.ts';
import { ownerOf, readAsked } from './details.ts';
import { OAuthError } from './errors.ts';
import { issueFederated, meetScopes, serverFor } from './federated.ts';
import { needResource, type Form } from './form.ts';
import type { TokenAnswer } from './issue.ts';
import { requireNonce } from './nonce.ts';
import type { WorkloadIssuer, WorkloadRule } from './trusted-issuers.ts';

/** @throws AssertionRefused, OAuthError */
export async function grantWorkload(
  authority: Authority,
  c: HttpContext,
  form: Form,
  mayUse: (client: Client) => void,
): Promise<{ client: Client; answer: TokenAnswer }> {
  const { store } = authority;
  refuseOtherWays(c, form);
  const proof = requireProof(authority, c);
  const compact = form.assertion!;
  const { issuer, claims, sub, exp } = await verifyWorkload(authority, compact, proof.jkt);
  if (exp - (claims.iat as number) > issuer.maxLife) throw new AssertionRefused('time');
  const rule = ruleFor(issuer, sub, claims);
  const client = clientOf(authority, rule, form);
  mayUse(client);
  if (client.dpop_nonces) requireNonce(authority.nonces, c, proof.claims.nonce, authority.now());
  const resource = needResource(form);
  if (!rule.resources.includes(resource))
    throw new OAuthError('invalid_target', 'The resource is not one that this workload may use.');
  const server = serverFor(authority, client, resource);
  const scope = meetScopes(client, server.scopes, rule.scopes, form.scope);
  const subject = { sub: ownerOf(client), org: client.org };
  const asked = readAsked(form.authorization_details);
  const answer = await issueFederated(authority, { client, subject, server, proof, scope, asked, exp }, () => {
    if (!store.once.consume(`${proof.jkt}.${proof.jti}`, proof.iat + LIMITS.proofReplaySeconds))
      throw new OAuthError('invalid_dpop_proof', 'This DPoP proof was used before. Sign a fresh one.');
    // Platforms hand out one assertion for an hour, so it is good more than once, but only for the first key it came with.
    if (!store.once.claimWindow(keyOf(compact), proof.jkt, exp)) throw new AssertionRefused('used');
  });
  return { client, answer };
}

/**
 * RFC 6749 §2.3: one way to authenticate. Ignored, credentials that came along would decide nothing, and whoever sent them
 * would believe that they did.
 */
function refuseOtherWays(c: HttpContext, { client_assertion, client_assertion_type, client_secret }: Form): void {
  const others = [client_assertion, client_assertion_type, client_secret, c.req.header('authorization')];
  if (others.some((each) => each !== undefined))
    throw new OAuthError('invalid_request', 'A workload proves itself by its assertion alone; leave the rest out.');
}

/** The key that the token will be bound to; no exception is made for a workload. @throws OAuthError `invalid_dpop_proof` */
function requireProof({ config, now }: Authority, c: HttpContext): VerifiedProof {
  try {
    const proof = readProof(rawHeaders(c));
    if (proof === undefined)
      throw new DAuthError('UNAUTHENTICATED', 'The token request needs a DPoP header; every token is bound to a key.');
    const htu = `${config.issuer}/token`;
    return verifyDpopProof(proof, { htm: 'POST', htu, now: now(), windowSeconds: LIMITS.proofSeconds });
  } catch (cause) {
    if (!(cause instanceof DAuthError)) throw cause;
    throw new OAuthError('invalid_dpop_proof', cause.publicMessage, { cause });
  }
}

/** The first rule that fits the subject and all its claims; only that one decides. */
function ruleFor({ rules }: WorkloadIssuer, sub: string, claims: JsonObject): WorkloadRule {
  const found = rules.find(
    (rule) => fits(rule.subject, sub) && Object.entries(rule.claims).every(([name, value]) => claims[name] === value),
  );
  if (found === undefined) throw new AssertionRefused('rule');
  return found;
}

function fits(pattern: string, sub: string): boolean {
  return pattern.endsWith('*') ? sub.startsWith(pattern.slice(0, -1)) && sub.length >= pattern.length : sub === pattern;
}

function clientOf({ store }: Authority, rule: WorkloadRule, form: Form): Client {
  const client = store.registry.client(rule.client);
  const isOther = form.client_id !== undefined && form.client_id !== rule.client;
  if (client === undefined || isOther || store.changes.isRevoked('client', client.client_id))
    throw new AssertionRefused('client');
  return client;
}

/** What was signed, without the signature: of an ECDSA signature anybody can make a second one that is good as well. */
function keyOf(compact: string): string {
  return `workload.${sha256Base64url(compact.slice(0, compact.lastIndexOf('.')))}`;
}
