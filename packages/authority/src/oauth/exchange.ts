/**
 * Token exchange (RFC 8693) from a caller's access token to a dispatch token for the executor (spec/dauth.md §4).
 * Never outlives the caller's call: the proof that came with it opens one window, for one server. Never for a token without
 * a key, but where its client is marked for the Bearer exception at this moment: then the token's own life is the window.
 */
import { DAuthError, isNarrower, LIMITS, parseDetails, parseJson, type ConnectionDetail } from '@dauth/protocol';
import { verifyCarriedProof, verifySubjectToken, type SubjectClaims } from '@dauth/verify';
import type { Authority } from '../context.ts';
import type { Server } from '../store/registry.ts';
import { consumeOnce, mayBeUnbound, type AuthenticatedClient } from './client-auth.ts';
import { OAuthError } from './errors.ts';
import { need, needResource, type Form } from './form.ts';
import { issueToken, type TokenAnswer } from './issue.ts';
import { assertUnrevoked, endOf } from './live.ts';

const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
/** RFC 8693 §2.2.2: the one code for a subject token that is invalid for any reason, or not taken by policy. */
const NOT_TAKEN = 'invalid_request';

export async function grantExchange(authority: Authority, by: AuthenticatedClient, form: Form): Promise<TokenAnswer> {
  const { store, config, now } = authority;
  const server = store.registry.serverOf(by.client.client_id);
  if (server === undefined)
    throw new OAuthError('unauthorized_client', 'Only a registered MCP server may exchange tokens.');
  // Its own key always, whatever an operator marked: the executor takes no dispatch token without one.
  if (by.proof === null || by.proof.jkt !== by.client.jkt) {
    throw new OAuthError(
      'invalid_dpop_proof',
      'An MCP server proves the key it authenticates with; sign the DPoP proof with that key.',
    );
  }
  assertTarget(config.executor.resource, form);
  const call = readSubject(authority, server, form);
  const { subject, windowEnd, windowKey, subjectDpop } = call;
  const details = narrowDetails(subject, form.authorization_details);
  return store.grouped(() => {
    consumeOnce(authority, by);
    // Read inside the transaction: a revocation that was acknowledged before is seen here.
    assertLive(authority, subject, server);
    if (subject.cnf === undefined) assertMarked(authority, subject);
    const grantEnd = endOf(authority, store.grants.get(subject.grant_id), NOT_TAKEN);
    assertInTime(authority, call, server);
    // First come, for good: the same server may act again inside the window, no other ever.
    if (!store.once.claimWindow(windowKey, server.client_id, windowEnd + LIMITS.clockLeewaySeconds)) {
      throw new OAuthError(NOT_TAKEN, 'Another server acts on this call.');
    }
    return issueToken(authority, {
      ...{
        sub: subject.sub,
        org: subject.org,
        aud: config.executor.resource,
        client_id: by.client.client_id,
        scope: [],
      },
      ...{ grant_id: subject.grant_id, jkt: by.client.jkt, details },
      exp: Math.min(now() + config.lifetimes.dispatchToken, windowEnd, grantEnd),
      dispatch: { actor: server.resource, subjectJti: subject.jti, subjectClientId: subject.client_id, subjectDpop },
    });
  });
}

/** RFC 8693 §2.1: one target, and only what this exchange gives. */
function assertTarget(executor: string, form: Form): void {
  const isExecutor = needResource(form) === executor && (form.audience === undefined || form.audience === executor);
  if (!isExecutor) throw new OAuthError('invalid_target', 'The resource of an exchange is the executor.');
  if (form.scope !== undefined) throw new OAuthError('invalid_scope', 'A dispatch token carries no scopes.');
  if (form.requested_token_type !== undefined && form.requested_token_type !== ACCESS_TOKEN_TYPE) {
    throw new OAuthError('invalid_request', 'An exchange gives an access token.');
  }
}

interface Window {
  /** Null where the caller's token is bound to no key. */
  readonly subjectDpop: string | null;
  readonly windowKey: string;
  readonly windowEnd: number;
}

interface Call extends Window {
  readonly subject: SubjectClaims;
}

function readSubject(authority: Authority, server: Server, form: Form): Call {
  const { config, key, now } = authority;
  // RFC 8693 §2.1: the type of an actor token never comes without one.
  const isActed = form.actor_token !== undefined || form.actor_token_type !== undefined;
  if (need(form, 'subject_token_type') !== ACCESS_TOKEN_TYPE || isActed) {
    throw new OAuthError('invalid_request', 'An exchange takes an access token as its subject, and no actor token.');
  }
  const token = need(form, 'subject_token');
  const audience = server.resource;
  const windowOf = (subjectDpop: string, jkt: string): Window => {
    const proof = verifyCarriedProof(subjectDpop, {
      jkt,
      htu: audience,
      accessToken: token,
      now: now(),
    });
    return { subjectDpop, windowKey: `${proof.jkt}.${proof.jti}`, windowEnd: proof.windowEnd };
  };
  try {
    const options = { issuer: config.issuer, audience, now: now(), keys: key.find };
    // A long call may go on after its token ended; `assertInTime` asks which call this is.
    const subject = verifySubjectToken(token, { ...options, leeway: LIMITS.callWindowSeconds });
    if (subject.iat > now() + LIMITS.clockLeewaySeconds)
      throw new DAuthError('UNAUTHENTICATED', 'The access token was issued in the future.');
    const { cnf } = subject;
    const window = cnf === undefined ? lifeOf(subject, form) : windowOf(need(form, 'subject_dpop'), cnf.jkt);
    if (window.windowEnd <= now()) throw new DAuthError('UNAUTHENTICATED', 'The window of this call has ended.');
    return { subject, ...window };
  } catch (error) {
    if (error instanceof DAuthError) throw new OAuthError(NOT_TAKEN, error.publicMessage, { cause: error });
    throw error;
  }
}

/** Without a proof nothing tells one call from another: the token is one call, as long as it lives. */
function lifeOf({ jti, exp }: SubjectClaims, form: Form): Window {
  if (form.subject_dpop !== undefined)
    throw new OAuthError(
      'invalid_request',
      'A token that is bound to no key came with no proof; send no subject_dpop.',
    );
  return { subjectDpop: null, windowKey: `bearer.${jti}`, windowEnd: exp };
}

function narrowDetails(subject: SubjectClaims, asked: string | undefined): readonly ConnectionDetail[] {
  if (asked === undefined) return subject.details;
  try {
    const details = parseDetails(parseJson(asked, LIMITS.wishes));
    if (isNarrower(details, subject.details)) return details;
  } catch (error) {
    if (error instanceof DAuthError)
      throw new OAuthError('invalid_authorization_details', error.publicMessage, { cause: error });
    throw error;
  }
  throw new OAuthError('invalid_authorization_details', 'An exchange never gives more than the token it starts from.');
}

/**
 * The window of a call outlives the token (spec/dauth.md §4), but only one that this server opened while the token lived:
 * a caller dates its proofs itself, so without that a proof dated back would give an ended token 300 seconds more.
 */
function assertInTime({ store, now }: Authority, { subject, windowKey }: Call, server: Server): void {
  if (subject.exp + LIMITS.clockLeewaySeconds > now()) return;
  if (!store.once.isWindowOf(windowKey, server.client_id))
    throw new OAuthError(NOT_TAKEN, 'The access token has expired.');
}

/** Revocation bites here too, not only at the executor. */
function assertLive(authority: Authority, subject: SubjectClaims, server: Server): void {
  const ids = {
    token: subject.jti,
    grant: subject.grant_id,
    client: subject.client_id,
    owner: subject.sub,
    org: subject.org,
  };
  if (authority.store.changes.isForgotten(subject.iat)) throw new OAuthError(NOT_TAKEN, 'This access was revoked.');
  assertUnrevoked(authority, { ...ids, server: server.resource }, NOT_TAKEN);
}

/** Asked again at every exchange: a mark that was taken away ends the calls of a client, not only its next token. */
function assertMarked(authority: Authority, subject: SubjectClaims): void {
  const client = authority.store.registry.client(subject.client_id);
  if (client === undefined || !mayBeUnbound(authority, client))
    throw new OAuthError(NOT_TAKEN, 'The client of this token may not act without a key.');
}
