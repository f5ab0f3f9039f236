/**
 * People, their sessions, and invitations. Never a password, a session's id or a code as it was: a password is stored as
 * its scrypt string, the others as their SHA-256.
 */
import type { Database, Row } from './driver.ts';
import { ALL, FIRST } from './page.ts';

export interface User {
  /** The owner this person is; what connections, grants and tokens say. */
  readonly sub: string;
  readonly org: string;
  /** What is typed to sign in: lowercase, one person each. */
  readonly login: string;
  readonly name: string;
  readonly email: string | null;
  readonly role: 'admin' | 'member';
  readonly created_at: number;
}

/** A person who has not chosen a password yet. `login` and `name` are null where they choose those too. */
export interface Invitation extends Omit<User, 'login' | 'name'> {
  readonly login: string | null;
  readonly name: string | null;
  readonly expires_at: number;
}

export interface StoredSession {
  readonly sub: string;
  readonly created_at: number;
  readonly seen_at: number;
  readonly expires_at: number;
}

const USER = 'sub, org, login, name, email, role, created_at';

export class People {
  readonly #db: Database;

  constructor(database: Database) {
    this.#db = database;
  }

  hasUsers(): boolean {
    return this.#db.get('SELECT 1 AS one FROM users LIMIT 1') !== undefined;
  }

  user(sub: string): User | undefined {
    return asUser(this.#db.get(`SELECT ${USER} FROM users WHERE sub = ?`, sub));
  }

  /** A page of all people, in the order they came. */
  users(after = FIRST, limit = ALL): User[] {
    const sql = `SELECT ${USER} FROM users WHERE (created_at, sub) > (?, ?) ORDER BY created_at, sub LIMIT ?`;
    return this.#db.all(sql, after.created_at, after.id, limit).map((row) => asUser(row)!);
  }

  /** Who signs in with this login, and the scrypt string of their password. */
  login(login: string): { readonly sub: string; readonly org: string; readonly password: string } | undefined {
    return this.#db.get('SELECT sub, org, password FROM users WHERE login = ?', login) as
      { sub: string; org: string; password: string } | undefined;
  }

  /** @returns false where the owner or the login belongs to somebody already */
  addUser(user: User, password: string): boolean {
    const sql = `INSERT OR IGNORE INTO users (${USER}, password) VALUES (?,?,?,?,?,?,?,?)`;
    const { sub, org, login, name, email, role, created_at } = user;
    return this.#db.run(sql, sub, org, login, name, email, role, created_at, password) === 1;
  }

  setPassword(sub: string, password: string): void {
    this.#db.run('UPDATE users SET password = ? WHERE sub = ?', password, sub);
  }

  addInvitation(code: string, invitation: Invitation): void {
    const { sub, org, login, name, email, role, expires_at, created_at } = invitation;
    const sql = `INSERT INTO invitations (code, sub, org, login, name, email, role, expires_at, created_at)
      VALUES (?,?,?,?,?,?,?,?,?)`;
    this.#db.run(sql, code, sub, org, login, name, email, role, expires_at, created_at);
  }

  /** @param code SHA-256 of what the person types */
  invitation(code: string, now: number): Invitation | undefined {
    const sql = 'SELECT * FROM invitations WHERE code = ? AND expires_at > ?';
    return this.#db.get(sql, code, now) as Invitation | undefined;
  }

  takeInvitation(code: string): void {
    this.#db.run('DELETE FROM invitations WHERE code = ?', code);
  }

  /** Drops invitations that ended, and those of this owner or login: a new one takes the place of the last. */
  dropInvitations(sub: string, login: string | null, now: number): void {
    this.#db.run('DELETE FROM invitations WHERE sub = ? OR login = ? OR expires_at <= ?', sub, login, now);
  }

  /** @param id SHA-256 of what the cookie holds */
  session(id: string): StoredSession | undefined {
    return this.#db.get('SELECT sub, created_at, seen_at, expires_at FROM sessions WHERE id = ?', id) as
      StoredSession | undefined;
  }

  addSession(id: string, { sub, created_at, seen_at, expires_at }: StoredSession): void {
    const sql = 'INSERT INTO sessions (id, sub, created_at, seen_at, expires_at) VALUES (?,?,?,?,?)';
    this.#db.run(sql, id, sub, created_at, seen_at, expires_at);
  }

  touchSession(id: string, now: number): void {
    this.#db.run('UPDATE sessions SET seen_at = max(seen_at, ?) WHERE id = ?', now, id);
  }

  endSession(id: string): void {
    this.#db.run('DELETE FROM sessions WHERE id = ?', id);
  }

  /** Ends all sessions of a person. @returns how many there were */
  endSessions(sub: string): number {
    return this.#db.run('DELETE FROM sessions WHERE sub = ?', sub);
  }

  countSessions(sub: string): number {
    return Number(this.#db.get('SELECT count(*) AS count FROM sessions WHERE sub = ?', sub)?.count);
  }

  /** Forgets sessions that are over, or that nobody used since `idleSince`. */
  dropEndedSessions(now: number, idleSince: number): void {
    this.#db.run('DELETE FROM sessions WHERE expires_at <= ? OR seen_at <= ?', now, idleSince);
  }
}

function asUser(row: Row | undefined): User | undefined {
  return row as User | undefined;
}
