/**
 * Step 3 of a dispatch: may they. Where the credential was captured out of another connection's answer (§2.8), also whether anything
 * was, not too long ago, and whether the connection that it came through still stands and still says so.
 * Never opens anything: when it came stands in the executor's own statement.
 */
import { DAuthError, type ConnectionHandle } from '@dauth/protocol';
import type { Caller } from './authenticate.ts';
import { permitAny, permitOwner, type AuthorizeDeps, type Permit } from './authorize.ts';
import type { Patience } from './owed.ts';

/** @throws DAuthError as `permitAny` */
export async function permit(
  caller: Caller,
  handle: ConnectionHandle,
  deps: AuthorizeDeps,
  patience?: Patience,
): Promise<Permit> {
  const permitted = await permitAny(caller, handle, deps, patience);
  return permitted.policy.captured === undefined ? permitted : assertCaptured(permitted, deps);
}

/**
 * @returns the permit, which from here on stands on the login as well
 * @throws DAuthError `NEEDS_REAUTHORIZATION`, `CONNECTION_REVOKED`, `CONNECTION_SUSPENDED`, `POLICY_DENIED`, `ENCLAVE_UNAVAILABLE`
 */
async function assertCaptured(permitted: Permit, deps: AuthorizeDeps): Promise<Permit> {
  const { policy, capturedAt, handle } = permitted;
  const { from, lifetime } = policy.captured!;
  const { policy: parent } = await login(from, deps);
  const isSame = parent.iss === policy.iss && parent.org === policy.org && parent.owner === policy.owner;
  if (!isSame || parent.capture?.into !== handle)
    throw new DAuthError('POLICY_DENIED', 'The connection that this one is captured from does not say so any more.');
  if (capturedAt === undefined)
    throw new DAuthError(
      'NEEDS_REAUTHORIZATION',
      'Nothing was captured yet. Log in through its login connection first.',
    );
  if (deps.now() >= capturedAt + lifetime)
    throw new DAuthError(
      'NEEDS_REAUTHORIZATION',
      'What was captured is older than its owner allows. Log in through its login connection again.',
    );
  const standing = { ...permitted.standing, login: from };
  deps.status.assertFresh();
  deps.status.view.assertStands(standing);
  return { ...permitted, standing };
}

/** As its owner sealed it, and no older than was seen; one that is deleted is as one that is revoked. */
async function login(handle: Permit['handle'], deps: AuthorizeDeps): Promise<Omit<Permit, 'caller'>> {
  try {
    return await permitOwner(handle, deps.status.view.version(handle), deps);
  } catch (error) {
    if (error instanceof DAuthError && error.code === 'CONNECTION_NOT_FOUND')
      throw new DAuthError('CONNECTION_REVOKED', 'The connection that this one is captured from is gone.');
    throw error;
  }
}
