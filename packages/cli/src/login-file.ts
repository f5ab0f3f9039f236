/**
 * The sign-in of a data directory (`login.json`, 0600): where, as whom, and the refresh token that works next. Never the key it
 * is bound to, which stays when the sign-in ends, and never a token that works by itself.
 */
import { rmSync } from 'node:fs';
import { exactObject, integer, LIMITS, list, parseJson, parseSecureUrl, parseThumbprint, text } from '@dauth/protocol';
import { codeOf, readPrivately, writeDurably } from './files.ts';
import type { Home } from './home.ts';
import { CliError, EXIT } from './output.ts';

export interface Login {
  readonly authority: string;
  readonly client_id: string;
  readonly owner: string;
  readonly org: string;
  readonly scope: readonly string[];
  readonly refresh_token: string;
  /** Thumbprint of the key it is bound to. */
  readonly jkt: string;
  /** Unix second at which it ends unused; null where the authority did not say. */
  readonly expires_at: number | null;
}

const MEMBERS = ['authority', 'client_id', 'owner', 'org', 'scope', 'refresh_token', 'jkt', 'expires_at'];

/** @returns undefined where nobody is signed in. @throws CliError for a file that others could read, or that holds none */
export function readLogin(home: Home): Login | undefined {
  let written: string | undefined;
  try {
    written = readPrivately(home.loginFile);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw broken();
  }
  if (written === undefined)
    throw new CliError(
      EXIT.authentication,
      'LOGIN_EXPOSED',
      'Other users of this machine can read the file of the sign-in, so it is not used.',
      'Run "chmod 600" on login.json in the data directory, then "dauth logout": somebody may have read it.',
    );
  try {
    return parseLogin(parseJson(written, LIMITS.jsonBody));
  } catch {
    throw broken();
  }
}

/** On disk when this returns. */
export function writeLogin(home: Home, login: Login): void {
  writeDurably(home.loginFile, `${JSON.stringify(login)}\n`, 0o600);
}

export function dropLogin(home: Home): void {
  rmSync(home.loginFile, { force: true });
}

function parseLogin(value: unknown): Login {
  const login = exactObject(value, 'A sign-in', MEMBERS);
  const { expires_at: end } = login;
  return {
    authority: parseSecureUrl(login.authority),
    client_id: text(login.client_id, '"client_id"', 512),
    owner: text(login.owner, '"owner"', 256),
    org: text(login.org, '"org"', 128),
    scope: list(login.scope, '"scope"', 0, 64, (each) => text(each, '"scope"', 128)),
    refresh_token: text(login.refresh_token, '"refresh_token"', 2_048),
    jkt: parseThumbprint(login.jkt, '"jkt"'),
    expires_at: end === null ? null : integer(end, '"expires_at"', 0, Number.MAX_SAFE_INTEGER),
  };
}

function broken(): CliError {
  return new CliError(
    EXIT.integrity,
    'BAD_LOGIN',
    'The file of the sign-in cannot be read, or does not hold one.',
    'Remove login.json in the data directory, and run "dauth login".',
  );
}
