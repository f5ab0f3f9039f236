/**
 * Intake of sealed credentials (spec/dauth.md §3): everything is checked before any state is touched.
 * Never opens: what is compared is the public header that the executor will authenticate.
 */
import { DAuthError, parseEnvelope, type CredentialDetail, type Envelope } from '@dauth/protocol';
import { verifySealChain, verifySealProof } from '@dauth/verify';
import type { Authority } from './context.ts';
import type { Connection } from './store/connections.ts';

/** Whose connection it is to be. */
export interface Subject {
  readonly sub: string;
  readonly org: string;
}

export type Submission = Pick<CredentialDetail, 'envelope' | 'seal_proof' | 'endorsements'>;

/** A checked submission; `store` writes it inside the caller's transaction. */
export interface Intake {
  readonly envelope: Envelope;
  /** True where exactly these octets are stored already. */
  readonly repeated: boolean;
  store(): void;
}

/** Checks a first version. @throws DAuthError `INVALID_REQUEST`, `FORBIDDEN`, `POLICY_DENIED`, `CONFLICT`, `ENCLAVE_UNAVAILABLE` */
export async function checkIntake(authority: Authority, submission: Submission, subject: Subject): Promise<Intake> {
  const { store } = authority;
  const envelope = await checkEnvelope(authority, submission, subject);
  const { handle, ver, connection: name } = envelope.header.dauth;
  const { jkt } = verifySealProof(submission.seal_proof, { handle, ver, envelope: submission.envelope });
  const existing = store.connections.find(handle);
  if (existing !== undefined) {
    const stored = existing.deleted_at === null ? store.connections.envelope(handle, ver) : undefined;
    const same = stored?.envelope === submission.envelope && existing.owner === subject.sub && existing.org === subject.org;
    if (!same) throw new DAuthError('CONFLICT');
    return { envelope, repeated: true, store: () => undefined };
  }
  if (ver !== 1) throw new DAuthError('CONFLICT', 'The first version of a connection is 1.');
  if (store.connections.isNameTaken(subject.sub, subject.org, name)) {
    throw new DAuthError('CONFLICT', 'There is a connection of that name. Rotate it, or remove it first.');
  }
  const now = authority.now();
  const times = { created_at: now, updated_at: now, last_used_at: null, deleted_at: null };
  const row: Connection = { handle, owner: subject.sub, org: subject.org, name, status: 'active', ver, ...times };
  return {
    envelope,
    repeated: false,
    store() {
      // Two requests may have been checked side by side; the first to be stored wins.
      if (store.connections.find(handle) !== undefined) throw new DAuthError('CONFLICT');
      if (store.connections.isNameTaken(subject.sub, subject.org, name)) throw new DAuthError('CONFLICT');
      store.connections.add(row, { handle, ver, ...submission, endorsements: [], trusted: [jkt] });
    },
  };
}

/** Checks a replacement: the next version of the same connection, by a key in its seal chain. */
export async function checkRotation(authority: Authority, submission: Submission, current: Connection): Promise<Intake> {
  const { store } = authority;
  const subject = { sub: current.owner, org: current.org };
  const envelope = await checkEnvelope(authority, submission, subject);
  const { handle, ver, connection } = envelope.header.dauth;
  if (handle !== current.handle || connection !== current.name) {
    throw new DAuthError('INVALID_REQUEST', 'A rotation keeps the handle and the name of its connection.');
  }
  if (current.status === 'revoked') throw new DAuthError('CONNECTION_REVOKED');
  const stored = store.connections.envelope(handle, current.ver);
  if (ver === current.ver && stored?.envelope === submission.envelope) return { envelope, repeated: true, store: () => undefined };
  if (stored === undefined || ver !== current.ver + 1) throw new DAuthError('CONFLICT', 'A rotation is sealed as the version after the current one.');
  const endorsements = submission.endorsements ?? [];
  const chain = { handle, ver, envelope: submission.envelope, trusted: stored.trusted, endorsements };
  const { trusted } = verifySealChain(submission.seal_proof, chain);
  return {
    envelope,
    repeated: false,
    store() {
      if (!store.connections.rotate({ handle, ver, ...submission, endorsements, trusted }, authority.now())) throw new DAuthError('CONFLICT');
    },
  };
}

async function checkEnvelope(authority: Authority, submission: Submission, subject: Subject): Promise<Envelope> {
  const envelope = parseEnvelope(submission.envelope);
  const { dauth, kid, alg } = envelope.header;
  if (dauth.iss !== authority.config.issuer) throw new DAuthError('FORBIDDEN', 'The envelope was sealed for another authority.');
  if (dauth.owner !== subject.sub) throw new DAuthError('FORBIDDEN', 'The envelope was sealed by another owner than the one who stores it.');
  if (dauth.org !== subject.org) throw new DAuthError('ORG_MISMATCH', 'The envelope was sealed in another organisation.');
  const now = authority.now();
  if (dauth.exp <= now) throw new DAuthError('INVALID_REQUEST', 'The envelope has expired; seal it again.');
  const key = (await authority.directory.directory()).keys.find((each) => each.kid === kid);
  if (key === undefined || key.alg !== alg || key.nbf > now || key.exp <= now) {
    throw new DAuthError('INVALID_REQUEST', 'The envelope is sealed to a key that the executor does not have now.');
  }
  return envelope;
}
