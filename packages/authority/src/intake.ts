/**
 * Intake of sealed credentials (spec/dauth.md §3): everything is checked before any state is touched.
 * Never opens: what is compared is the public header that the executor will authenticate.
 */
import {
  DAuthError,
  detailsFromAllow,
  LIMITS,
  parseEnvelope,
  type AllowRule,
  type CredentialDetail,
  type Envelope,
  type EnvelopePolicy,
  type ExecutorDirectory,
} from '@dauth/protocol';
import { verifySealChain, verifySealProof } from '@dauth/verify';
import type { Authority } from './context.ts';
import type { Connection } from './store/connections.ts';

/** Whose connection it is to be. */
export interface Subject {
  readonly sub: string;
  readonly org: string;
}

/** Octets of one detail in an access token: three quarters of its characters, less what the other claims take. */
const DETAIL_OCTETS = ((LIMITS.issuedToken - LIMITS.exchangeRoom) * 3) / 4 - 1_024;

export type Submission = Pick<CredentialDetail, 'envelope' | 'seal_proof' | 'endorsements'>;

/** A checked submission. */
export interface Intake {
  readonly envelope: Envelope;
  /** True where exactly these octets are the stored version already. */
  readonly repeated: boolean;
  /** Writes it. Check and store belong into one transaction, so that nothing comes between them. */
  store(): void;
}

/** A checked first version, with the thumbprint of the key that sealed it. */
export interface FirstIntake extends Intake {
  readonly sealedBy: string;
}

/** Checks a first version. @throws DAuthError `INVALID_REQUEST`, `FORBIDDEN`, `ORG_MISMATCH`, `POLICY_DENIED`, `CONFLICT` */
export function checkIntake(
  authority: Authority,
  directory: ExecutorDirectory,
  submission: Submission,
  subject: Subject,
): FirstIntake {
  const { store } = authority;
  const envelope = checkEnvelope(authority, directory, submission, subject);
  const { handle, ver, connection: name } = envelope.header.dauth;
  const { jkt } = verifySealProof(submission.seal_proof, { handle, ver, envelope: submission.envelope });
  const existing = store.connections.find(handle);
  if (existing !== undefined) {
    if (!isSame(authority, existing, submission, subject)) throw new DAuthError('CONFLICT');
    return { envelope, repeated: true, sealedBy: jkt, store: () => undefined };
  }
  if (ver !== 1) throw new DAuthError('CONFLICT', 'The first version of a connection is 1.');
  if (store.connections.isNameTaken(subject.sub, subject.org, name)) {
    throw new DAuthError('CONFLICT', 'There is a connection of that name. Rotate it, or remove it first.');
  }
  if (store.connections.count(subject.sub, subject.org) >= LIMITS.connectionsPerOwner) {
    const most = `An owner has at most ${LIMITS.connectionsPerOwner} connections; remove some first.`;
    throw new DAuthError('CONFLICT', most);
  }
  const now = authority.now();
  const times = { created_at: now, updated_at: now, last_used_at: null, deleted_at: null };
  const row: Connection = { handle, owner: subject.sub, org: subject.org, name, status: 'active', ver, ...times };
  const stored = { handle, ver, ...submission, endorsements: [], trusted: [jkt], reseal: null };
  return { envelope, repeated: false, sealedBy: jkt, store: () => store.connections.add(row, stored) };
}

/**
 * What a runner may bring in for an owner: only what a device of that owner sealed. Base mode HPKE does not say who sealed,
 * so without this a runner could plant an account of its own under the owner's name (spec/dauth.md §3).
 * @throws DAuthError `FORBIDDEN`
 */
export function assertSealedByOwner({ store }: Authority, { sealedBy }: FirstIntake, { sub, org }: Subject): void {
  if (store.registry.isOwnersKey(sub, org, sealedBy) || store.connections.isSealer(sub, org, sealedBy)) return;
  const how = "The owner's device has to be a registered client of the owner, or to have sealed for it before.";
  throw new DAuthError('FORBIDDEN', `The credential was not sealed by a known key of its owner. ${how}`);
}

/** Checks a replacement: the next version of the same connection, by a key in its seal chain. */
export function checkRotation(
  authority: Authority,
  directory: ExecutorDirectory,
  submission: Submission,
  current: Connection,
): Intake {
  const { store } = authority;
  const subject = { sub: current.owner, org: current.org };
  const envelope = checkEnvelope(authority, directory, submission, subject);
  const { handle, ver, connection } = envelope.header.dauth;
  if (handle !== current.handle || connection !== current.name) {
    throw new DAuthError('INVALID_REQUEST', 'A rotation keeps the handle and the name of its connection.');
  }
  if (current.status === 'revoked') throw new DAuthError('CONNECTION_REVOKED');
  if (isSame(authority, current, submission, subject)) return { envelope, repeated: true, store: () => undefined };
  const stored = store.connections.envelope(handle, current.ver);
  if (stored === undefined || ver !== current.ver + 1)
    throw new DAuthError('CONFLICT', 'A rotation is sealed as the version after the current one.');
  const fresh = submission.endorsements ?? [];
  const { trusted } = verifySealChain(submission.seal_proof, {
    ...{ handle, ver, envelope: submission.envelope, trusted: stored.trusted, endorsements: fresh },
  });
  // The whole chain goes with every version: an executor may have missed the ones between (spec/dauth.md §2.4).
  const endorsements = [...new Set([...stored.endorsements, ...fresh])];
  if (endorsements.length > LIMITS.details) {
    throw new DAuthError('INVALID_REQUEST', 'The chain of sealing keys is too long; connect again under a new handle.');
  }
  return {
    envelope,
    repeated: false,
    store() {
      const next = { handle, ver, ...submission, endorsements, trusted, reseal: null };
      if (!store.connections.rotate(next, authority.now())) throw new DAuthError('CONFLICT');
    },
  };
}

/** Whether exactly these octets are what this owner has stored under the handle now. A tombstone is never the same. */
function isSame({ store }: Authority, existing: Connection, submission: Submission, subject: Subject): boolean {
  if (existing.deleted_at !== null || existing.owner !== subject.sub || existing.org !== subject.org) return false;
  return store.connections.envelope(existing.handle, existing.ver)?.envelope === submission.envelope;
}

function checkEnvelope(
  { config, now }: Authority,
  directory: ExecutorDirectory,
  submission: Submission,
  subject: Subject,
): Envelope {
  const envelope = parseEnvelope(submission.envelope);
  const { dauth, kid, alg } = envelope.header;
  if (dauth.iss !== config.issuer) throw new DAuthError('FORBIDDEN', 'The envelope was sealed for another authority.');
  if (dauth.owner !== subject.sub)
    throw new DAuthError('FORBIDDEN', 'The envelope was sealed by another owner than the one who stores it.');
  if (dauth.org !== subject.org)
    throw new DAuthError('ORG_MISMATCH', 'The envelope was sealed in another organisation.');
  for (const rule of dauth.allow) assertFitsToken(dauth, rule);
  const time = now();
  if (dauth.exp <= time) throw new DAuthError('INVALID_REQUEST', 'The envelope has expired; seal it again.');
  const key = directory.keys.find((each) => each.kid === kid);
  if (key === undefined || key.alg !== alg || key.nbf > time || key.exp <= time) {
    throw new DAuthError('INVALID_REQUEST', 'The envelope is sealed to a key that the executor does not have now.');
  }
  return envelope;
}

/** Each rule can be said as one detail (spec/dauth.md §4): a rule that no token can carry is refused before it is stored. */
function assertFitsToken({ handle, connection }: EnvelopePolicy, rule: AllowRule): void {
  const detail = detailsFromAllow(handle, connection, [rule]);
  if (Buffer.byteLength(JSON.stringify(detail)) > DETAIL_OCTETS) {
    const how = 'Seal fewer, or say them with "*" and "**".';
    throw new DAuthError(
      'INVALID_REQUEST',
      `A rule of the envelope allows more methods and paths than a token can name. ${how}`,
    );
  }
}
