/**
 * Seals a login and what is captured out of its answers (spec/dauth.md §2.8): two connections of one owner that name each other,
 * each with the whole of its own policy.
 */
import type { CapturedValue } from '@dauth/protocol';
import type { VerifiedExecutor } from './directory.ts';
import type { Fields } from './fields.ts';
import type { ClientKey } from './key.ts';
import { freshHandle, seal, type SealedCredential, type SealPolicy } from './seal.ts';

type OwnPolicy = Omit<SealPolicy, 'handle' | 'replaces' | 'capture' | 'captured'>;

export interface LoginToSeal {
  readonly executor: VerifiedExecutor;
  readonly key: ClientKey;
  /** What the login is sealed with, and the policy of where that may go. */
  readonly fields: Fields;
  readonly login: OwnPolicy;
  /** What is captured may be used so. */
  readonly session: OwnPolicy;
  /** Where it stands in the login's answer, and which field it becomes. */
  readonly values: readonly CapturedValue[];
  /** Seconds for which it is used. */
  readonly lifetime: number;
}

/** To be stored in this order: a login without its session logs nobody in. */
export interface SealedLogin {
  readonly session: SealedCredential;
  readonly login: SealedCredential;
}

/**
 * Seals both. The values in `fields` are zeroed, whatever happens.
 * @throws DAuthError as `seal`
 * @example
 * const { session, login } = await sealLogin({ executor, key, fields, login: policy, session: itsPolicy, values, lifetime: 3_600 });
 */
export async function sealLogin(input: LoginToSeal): Promise<SealedLogin> {
  const { executor, key, fields, values, lifetime } = input;
  const now = Date.now();
  const [from, into] = [freshHandle(now), freshHandle(now)];
  try {
    const captured = { from, fields: values.map(({ field }) => field), lifetime };
    const session = await seal({ executor, key, fields: {}, policy: { ...input.session, handle: into, captured } });
    const policy = { ...input.login, handle: from, capture: { into, fields: values } };
    return { session, login: await seal({ executor, key, fields, policy }) };
  } finally {
    for (const value of Object.values(fields)) if (value instanceof Uint8Array) value.fill(0);
  }
}
