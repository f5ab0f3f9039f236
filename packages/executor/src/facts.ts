/** What the journal and the list of refusals are told of a call (§6): names, times and digests, never what was sent. */
import { endpointParts, endpointsOf, tokenSchemeOf, type ConnectionHandle } from '@dauth/protocol';
import type { Facts } from './journal/journal.ts';
import type { Caller } from './who/authenticate.ts';
import type { Permit } from './who/authorize.ts';
import type { Destination } from './where/target.ts';

/** Also of a session with a database. */
export function intentFacts(
  requestId: string,
  { caller, policy, use }: Permit,
  to: Pick<Destination, 'method' | 'origin' | 'path'>,
): Facts {
  const { claims, server, tokens, proof } = caller;
  const scheme = tokenSchemeOf(policy.inject);
  const [endpoint, idp] = (scheme === undefined ? [] : endpointsOf(scheme)).map(endpointParts);
  return {
    request_id: requestId,
    handle: policy.handle,
    ver: policy.ver,
    owner: policy.owner,
    org: policy.org,
    server,
    client: claims.client_id,
    grant: claims.grant_id,
    tokens,
    proof,
    sealer: use.jkt,
    method: to.method,
    origin: to.origin,
    path: to.path,
    ...(endpoint === undefined ? {} : { token_endpoint: endpoint.origin + endpoint.path }),
    ...(idp === undefined ? {} : { idp_endpoint: idp.origin + idp.path }),
  };
}

/** Names from the verified token only: what was asked for and refused may be anything. */
export function refusalFacts(
  { claims, server }: Caller,
  request: { readonly requestId: string; readonly handle: ConnectionHandle },
  permitted: Permit | undefined,
): Facts {
  return {
    request_id: request.requestId,
    step: permitted === undefined ? 3 : 4,
    handle: request.handle,
    owner: claims.sub,
    org: claims.org,
    server,
    client: claims.client_id,
    grant: claims.grant_id,
  };
}
