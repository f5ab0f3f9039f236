/**
 * A signed-in person's commands: each gets its token with the refresh token on disk, and puts the next one there before it does
 * anything else. One command at a time: a refresh token that is shown twice ends the sign-in. Never at another authority.
 */
import { existsSync } from 'node:fs';
import { createClient, RemoteError, renewSignIn, type ClientKey, type Token, type TokenSource } from '@dauth/client';
import type { Home } from './home.ts';
import { readKeyFile } from './key-file.ts';
import { alone } from './lock.ts';
import { dropLogin, readLogin, writeLogin, type Login } from './login-file.ts';
import { CliError, EXIT } from './output.ts';
import type { GlobalFlags, Reach } from './reach.ts';

/** Whether a person asks: where a flag says so, or where there is a sign-in here and nobody else who could be meant. */
export function isByPerson(flags: GlobalFlags, home: Home): boolean {
  if (flags.signedIn === true) return true;
  return flags.key === undefined && !existsSync(home.operatorKey) && existsSync(home.loginFile);
}

/** @param limit milliseconds for each answer, and to wait for other commands */
export async function reachByLogin(flags: GlobalFlags, home: Home, send: typeof fetch, limit: number): Promise<Reach> {
  const login = readLogin(home);
  if (login === undefined) throw signedOut('Nobody is signed in here.');
  const { authority: issuer, client_id: clientId } = login;
  // What is on disk goes to the authority that gave it, and nowhere else.
  if (flags.authority !== undefined && flags.authority !== issuer)
    throw signedOut('The sign-in here is at another authority.');
  const { key } = await readKeyFile(home.loginKey);
  const tokens = tokensOf(login, { home, key, send, limit });
  const client = createClient({ issuer, clientId, key, fetch: send, tokens });
  return { home, issuer, clientId, key, client, fetch: send };
}

interface Means {
  readonly home: Home;
  readonly key: ClientKey;
  readonly send: typeof fetch;
  readonly limit: number;
}

/** Tokens of this sign-in; where another has taken its place since, none. */
function tokensOf(begun: Login, { home, key, send, limit }: Means): TokenSource {
  const renew = async (wanted: Parameters<TokenSource['request']>[0]): Promise<Token> => {
    const login = readLogin(home);
    if (login?.authority !== begun.authority || login.client_id !== begun.client_id || login.owner !== begun.owner)
      throw signedOut('The sign-in here was ended or replaced meanwhile.');
    // Shown with another key it would be refused, or end the sign-in.
    if (login.jkt !== key.jkt)
      throw new CliError(
        EXIT.integrity,
        'OTHER_KEY',
        'The key in login.jwk is not the one that the sign-in is bound to.',
        'Put the right key back, or run "dauth logout" and "dauth login".',
      );
    const { authority: issuer, client_id: clientId } = login;
    const renewed = await renewSignIn({ issuer, clientId, key, fetch: send }, login.refresh_token, wanted).catch(
      (error: unknown) => {
        if (error instanceof RemoteError && error.oauthError === 'invalid_scope') throw notAllowed(wanted.scope);
        if (!(error instanceof RemoteError && error.oauthError === 'invalid_grant')) throw error;
        dropLogin(home);
        throw signedOut('The sign-in has ended: it was revoked, not used for too long, or used elsewhere.');
      },
    );
    writeLogin(home, { ...login, refresh_token: renewed.refreshToken, expires_at: expiryOf(renewed.refreshTimeout) });
    return renewed.token;
  };
  return { request: (wanted) => alone(home.loginLock, limit, () => uninterrupted(() => renew(wanted))) };
}

/** The Unix second to which a refresh token works unused. */
export function expiryOf(timeout: number | undefined): number | null {
  return timeout === undefined ? null : Math.floor(Date.now() / 1_000 + timeout);
}

let busy = 0;
let asked = false;
let isListening = false;

/** Ctrl-C waits until a used refresh token has its successor on disk. Nothing waits longer than `--timeout`. */
async function uninterrupted<T>(body: () => Promise<T>): Promise<T> {
  if (!isListening) {
    isListening = true;
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => (busy > 0 ? (asked = true) : process.exit(EXIT.interrupted)));
  }
  busy++;
  try {
    return await body();
  } finally {
    busy--;
    if (asked) process.exit(EXIT.interrupted);
  }
}

/** What the signed-in person may not do: never, or not as they signed in. */
function notAllowed(scope: readonly string[] | undefined): CliError {
  return scope?.includes('dauth:admin') === true
    ? new CliError(
        EXIT.denied,
        'FORBIDDEN',
        "That is the operator's to do, and a person is signed in here.",
        "Give --data DIR of the stack, where the operator's key is, or --authority URL and --key FILE.",
      )
    : new CliError(
        EXIT.denied,
        'FORBIDDEN',
        'The sign-in here does not cover that.',
        'Run "dauth logout" and "dauth login", and allow it on the page that asks.',
      );
}

function signedOut(message: string): CliError {
  return new CliError(EXIT.authentication, 'SIGNED_OUT', message, 'Run "dauth login".');
}
