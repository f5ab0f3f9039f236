/**
 * Step 3 of a dispatch: may they. Everything is compared byte for byte with the header whose octets
 * become the `aad`, so what is checked here is what the owner sealed.
 * Never opens anything, and never writes: nothing here has any effect but refusal.
 */
import {
  DAuthError,
  LIMITS,
  parseEnvelope,
  type ConnectionHandle,
  type Envelope,
  type EnvelopePolicy,
  type SealedVersion,
} from '@dauth/protocol';
import { sha256Base64url, verifyCarriedProof, verifyReseal, verifySealChain, verifySealProof } from '@dauth/verify';
import type { AuthenticateDeps, Caller } from './authenticate.ts';
import type { StoredEnvelope } from './authority.ts';
import type { EnvelopeShelf } from './shelf.ts';
import { settleOwed, type OwedDeps, type Patience } from './owed.ts';
import { assertNotOlder, type Seen, type SeenConnection } from './seen.ts';
import type { Status } from './status.ts';
import { assertActive, standingAlone, type Standing } from './view.ts';

const READ = new WeakMap<StoredEnvelope, { readonly envelope: Envelope; readonly digest: string }>();

export interface AuthorizeDeps extends AuthenticateDeps, OwedDeps {
  readonly status: Pick<Status, 'whenFresh' | 'assertFresh' | 'view'>;
  readonly seen: Pick<Seen, 'connection'>;
  readonly shelf: Pick<EnvelopeShelf, 'take' | 'drop'>;
  /** Thumbprint of the executor's identity, whose reseals are believed. */
  readonly identity: string;
  /** Key ids that can be opened here, with their algorithms. */
  readonly opens: ReadonlyMap<string, string>;
}

/** What step 3 allowed. */
export interface Permit {
  readonly caller: Caller;
  readonly handle: ConnectionHandle;
  readonly envelope: Envelope;
  readonly policy: EnvelopePolicy;
  readonly standing: Standing;
  /** To be remembered in step 6, once it has opened. */
  readonly use: SeenConnection & { readonly jkt: string };
  /** The version that its owner sealed, and out of which this one was made: mostly this one. */
  readonly base: SealedVersion;
  /** Unix seconds when what it holds was captured, where it was. */
  readonly capturedAt?: number;
}

/**
 * Step 3: may they, but for what is captured: such a connection need not hold anything yet (`permit` asks for that).
 * @throws DAuthError `CONNECTION_NOT_FOUND`, `ENCLAVE_UNAVAILABLE`, `CONNECTION_REVOKED`, `CONNECTION_SUSPENDED`,
 * `NEEDS_REAUTHORIZATION`, `ORG_MISMATCH`, `POLICY_DENIED`, `DECRYPTION_FAILED`, `UNAUTHENTICATED` (revoked token)
 */
export async function permitAny(
  caller: Caller,
  handle: ConnectionHandle,
  deps: AuthorizeDeps,
  patience: Patience = {},
): Promise<Permit> {
  const { claims } = caller;
  // Before any lookup, so that a handle the token does not name says nothing about whether it exists (§3).
  if (!claims.details.some((detail) => detail.identifier === handle)) throw new DAuthError('CONNECTION_NOT_FOUND');
  await deps.status.whenFresh();
  deps.status.view.assertStands(standingOf(caller, handle, deps.status.view.version(handle)));
  await settleOwed(handle, deps, patience);
  const stored = await deps.shelf.take(handle, deps.status.view.version(handle));
  const envelope = readEnvelope(stored, deps);
  const policy = envelope.header.dauth;
  assertBound(policy, stored, caller, handle, deps);
  assertPins(policy, caller, deps);
  if (caller.isBearer && !policy.bearer)
    throw denied(
      'The credential was not sealed for clients without a key. Its owner can seal it again and allow them.',
    );
  const standing = standingOf(caller, handle, policy.ver);
  assertStands(stored, standing, deps);
  return { caller, handle, envelope, policy, standing, ...assertSealed(stored, handle, deps) };
}

/**
 * Step 3 where nobody calls: the owner's own wish, by the authority's word, which gives no answer of an upstream to anybody.
 * @throws DAuthError as `permit` does
 */
export async function permitOwner(
  handle: ConnectionHandle,
  least: number,
  deps: AuthorizeDeps,
): Promise<Omit<Permit, 'caller'>> {
  const { status, shelf } = deps;
  await status.whenFresh();
  const stored = await shelf.take(handle, Math.max(least, status.view.version(handle)));
  const envelope = readEnvelope(stored, deps);
  const policy = envelope.header.dauth;
  assertSealedFor(policy, stored, handle, deps);
  const standing = standingAlone(policy);
  assertStands(stored, standing, deps);
  return { handle, envelope, policy, standing, ...assertSealed(stored, handle, deps) };
}

function assertStands(stored: StoredEnvelope, standing: Standing, { status }: AuthorizeDeps): void {
  assertActive(stored.status);
  status.assertFresh();
  status.view.assertStands(standing);
}

function standingOf({ claims, tokens, server }: Caller, handle: ConnectionHandle, ver: number): Standing {
  const subjectClient = claims.raw.subject_client_id;
  return {
    handle,
    ver,
    tokens,
    grant: claims.grant_id,
    clients: [claims.client_id, ...(typeof subjectClient === 'string' ? [subjectClient] : [])],
    server,
    owner: claims.sub,
    org: claims.org,
  };
}

/** A stored envelope that is malformed or for another key cannot be opened; which of the two it is nobody is told. */
function readEnvelope(stored: StoredEnvelope, deps: Pick<AuthorizeDeps, 'opens'>): Envelope {
  let envelope: Envelope;
  try {
    ({ envelope } = readOnce(stored));
  } catch (cause) {
    throw new DAuthError('DECRYPTION_FAILED', undefined, { cause });
  }
  if (deps.opens.get(envelope.header.kid) !== envelope.header.alg) throw new DAuthError('DECRYPTION_FAILED');
  return envelope;
}

/** What an envelope says never changes, so the one that the shelf keeps is read once, and forgotten with it. */
function readOnce(stored: StoredEnvelope): { readonly envelope: Envelope; readonly digest: string } {
  const known = READ.get(stored);
  if (known !== undefined) return known;
  const read = { envelope: parseEnvelope(stored.envelope), digest: sha256Base64url(stored.envelope) };
  READ.set(stored, read);
  return read;
}

function assertBound(
  policy: EnvelopePolicy,
  stored: StoredEnvelope,
  caller: Caller,
  handle: ConnectionHandle,
  deps: AuthorizeDeps,
): void {
  const { claims, server } = caller;
  if (policy.org !== claims.org) throw new DAuthError('ORG_MISMATCH');
  if (policy.owner !== claims.sub) throw denied('The credential belongs to another owner than the token.');
  if (!policy.servers.includes(server))
    throw denied('The credential was not sealed for this server. Its owner can seal it again and name it.');
  assertSealedFor(policy, stored, handle, deps);
}

function assertSealedFor(
  policy: EnvelopePolicy,
  stored: StoredEnvelope,
  handle: ConnectionHandle,
  deps: AuthorizeDeps,
): void {
  if (policy.iss !== deps.issuer) throw denied('The credential was sealed for another authority.');
  if (policy.handle !== handle) throw denied('The credential was sealed for another connection.');
  if (policy.ver !== stored.ver) throw denied('The credential was sealed as another version.');
  const now = deps.now();
  if (policy.iat > now + LIMITS.clockLeewaySeconds) throw denied('The credential is not valid yet.');
  if (policy.exp <= now) throw denied('The credential has expired. Its owner has to seal it again.');
}

/** Pins are checked here and not only by the authority, so that not even the authority can act without a live call (§4). */
function assertPins(policy: EnvelopePolicy, { claims, server }: Caller, deps: AuthorizeDeps): void {
  const { jkt, server_jkt: serverJkt } = policy.pin ?? {};
  if (serverJkt !== undefined && !serverJkt.includes(claims.cnf.jkt))
    throw denied('The credential is pinned to another server key.');
  if (jkt === undefined) return;
  if (claims.subjectDpop === undefined)
    throw denied('The credential is pinned to a client key, and the token carries no proof by it.');
  const carried = verifyCarriedProof(claims.subjectDpop, {
    jkt,
    htu: server,
    now: deps.now(),
    refusal: 'POLICY_DENIED',
  });
  // A proof without a token hash was never a call with an access token (RFC 9449 §7).
  if (typeof carried.claims.ath !== 'string')
    throw denied('The proof that the token carries is not by a call with an access token.');
}

/** Who sealed it: the key remembered at the handle's first use, or one it vouched for (§2). */
function assertSealed(
  stored: StoredEnvelope,
  handle: ConnectionHandle,
  deps: AuthorizeDeps,
): Pick<Permit, 'use' | 'base' | 'capturedAt'> {
  const { sealProof: proof, envelope, endorsements, reseal, ver, revision } = stored;
  const known = deps.seen.connection(handle);
  const { digest } = readOnce(stored);
  assertNotOlder(known, { ver, digest, revision });
  // A version that the executor made (§6) is believed on its statement, and that on the seal of what it was made out of.
  const { identity } = deps;
  const said = reseal === undefined ? undefined : verifyReseal(reseal, { handle, ver, envelope, identity });
  const base = said?.base ?? { ver, sha256: digest };
  const of = { base, ...(said?.captured_at === undefined ? {} : { capturedAt: said.captured_at }) };
  // The same seal comes with every call of a connection.
  const seal = { handle, ...base, verified: deps.jwks.verified };
  const first = known === undefined ? verifySealProof(proof, seal).jkt : undefined;
  if (first !== undefined) return { ...of, use: { ver, digest, trusted: [first], revision, jkt: first } };
  const { jkt, trusted } = verifySealChain(proof, { ...seal, trusted: known!.trusted, endorsements });
  return { ...of, use: { ver, digest, trusted, revision, jkt } };
}

function denied(detail: string): DAuthError {
  return new DAuthError('POLICY_DENIED', detail);
}
