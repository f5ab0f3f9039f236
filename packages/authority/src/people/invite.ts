/**
 * One-time codes: the operator's for the first person, and those by which later people choose their own password. Never
 * kept as they are: whoever reads the database cannot use one, and the operator knows nobody's password.
 */
import { randomBytes } from 'node:crypto';
import { DAuthError } from '@dauth/protocol';
import { sha256Base64url } from '@dauth/verify';
import { OPERATOR_ID, type Authority } from '../context.ts';
import type { Invitation } from '../store/people.ts';

export const INVITE_PATH = '/first-run';
const FIRST_RUN_SECONDS = 86_400;
const INVITATION_SECONDS = 7 * 86_400;
/** Crockford's: no I, L, O or U to misread. 32 of them, so that each octet gives 5 bits without a bias. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** 140 bits, shown in groups of four. */
const LETTERS = 28;
const GROUP = /.{4}(?=.)/g;

export interface Invited {
  readonly code: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

/**
 * While nobody is there: a fresh code for the first person, in place of the last one. It makes the owner `operator`, so that
 * what `dauth connect` stored before is theirs to consent to.
 */
export function offerFirstRun(authority: Pick<Authority, 'store' | 'config' | 'now'>): Invited | undefined {
  const { store, config, now } = authority;
  return store.transaction(() => {
    if (store.people.hasUsers()) return undefined;
    const of = { sub: OPERATOR_ID, org: config.org, login: null, name: null, email: null, role: 'admin' } as const;
    return add(authority, of, now() + FIRST_RUN_SECONDS);
  });
}

/** Call inside a transaction. @throws DAuthError `CONFLICT` where the owner or the login is somebody already */
export function invite(
  authority: Authority,
  of: Omit<Invitation, 'expires_at' | 'created_at'> & { readonly login: string },
): Invited {
  const { people } = authority.store;
  if (people.user(of.sub) !== undefined || people.login(of.login) !== undefined)
    throw new DAuthError('CONFLICT', 'That login or owner belongs to a person already.');
  return add(authority, of, authority.now() + INVITATION_SECONDS);
}

function add(
  { store, now }: Pick<Authority, 'store' | 'now'>,
  of: Omit<Invitation, 'expires_at' | 'created_at'>,
  expiresAt: number,
): Invited {
  const code = makeCode();
  store.people.dropInvitations(of.sub, of.login, now());
  store.people.addInvitation(digest(code), { ...of, expires_at: expiresAt, created_at: now() });
  return { code, expiresAt };
}

/** @param code as it was typed: groups, spaces and capitals do not matter, and neither does O for 0 or I for 1 */
export function findInvitation(
  { store, now }: Authority,
  code: string,
): { id: string; invitation: Invitation } | undefined {
  const id = digest(code);
  const invitation = store.people.invitation(id, now());
  const isLive =
    invitation !== undefined && !store.changes.isAnyRevoked({ owner: invitation.sub, org: invitation.org });
  return isLive ? { id, invitation } : undefined;
}

function makeCode(): string {
  const letters = Array.from(randomBytes(LETTERS), (octet) => ALPHABET[octet % 32]).join('');
  return letters.replace(GROUP, '$&-');
}

function digest(code: string): string {
  const plain = code.toLowerCase().replace(/[\s-]/g, '').replaceAll('o', '0').replace(/[il]/g, '1');
  return sha256Base64url(`dauth code ${plain}`);
}
