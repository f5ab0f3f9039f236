/**
 * Step 4 of a session with a database (spec/dauth.md §5.6): where to, and whether it may write, against token *and* envelope.
 * Never takes a word for it that comes behind the door: which database and which method stand in the path that was proven.
 */
import {
  allowsRequest,
  DAuthError,
  databaseOf,
  detailAllows,
  loginOf,
  type Method,
  type Origin,
  type Postgres,
} from '@dauth/protocol';
import type { Permit } from '../who/authorize.ts';
import { decideOrigin } from './target.ts';

export interface SessionWish {
  /** `READ` or `WRITE`. */
  readonly method: Method;
  /** `/` and the name of a database. */
  readonly path: string;
  readonly origin: string | undefined;
}

export interface SessionTarget {
  readonly origin: Origin;
  readonly method: Method;
  readonly path: string;
  readonly database: string;
  readonly login: Postgres;
  readonly isReadOnly: boolean;
}

/** @throws DAuthError `POLICY_DENIED`, `INVALID_REQUEST` */
export function decideSession(wish: SessionWish, permit: Permit): SessionTarget {
  const login = loginOf(permit.policy.inject);
  if (login === undefined) throw denied('The connection goes to no database; send requests over it.');
  const database = databaseOf(wish.path);
  if (database === undefined) throw new DAuthError('INVALID_REQUEST', 'A session names one database.');
  const { method, path } = wish;
  const origin = decideOrigin(wish.origin, permit);
  const target = { origin, method, path, query: '' };
  if (!allowsRequest(permit.policy.allow, target))
    throw denied('The policy sealed with the credential does not allow this session.');
  if (!detailAllows(permit.caller.claims.details, permit.handle, target))
    throw denied('The token does not allow this session.');
  return { origin, method, path, database, login, isReadOnly: method !== 'WRITE' };
}

function denied(detail: string): DAuthError {
  return new DAuthError('POLICY_DENIED', detail);
}
