/** From global flags to a client: which authority, which key, which executor identity. Nothing is learnt from the authority. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createClient, fetchExecutor, type ClientKey, type DAuthClient, type VerifiedExecutor } from '@dauth/client';
import { parseSecureUrl } from '@dauth/protocol';
import { fileSeqStore, openHome, type Home } from './home.ts';
import { readKeyFile } from './key-file.ts';
import { CliError, EXIT, given, usage } from './output.ts';
import { isByPerson, reachByLogin } from './session.ts';

export interface GlobalFlags {
  readonly data?: string;
  readonly authority?: string;
  readonly key?: string;
  /** Asks as the person who is signed in here. */
  readonly signedIn?: boolean;
  readonly clientId?: string;
  readonly executorIdentity?: string;
  readonly json?: boolean;
  readonly input?: boolean;
  readonly timeout?: string;
}

const DEFAULT_SECONDS = 30;

export interface Reach {
  readonly home: Home;
  readonly issuer: string;
  readonly clientId: string;
  readonly key: ClientKey;
  readonly client: DAuthClient;
  /** Ends by `--timeout`. */
  readonly fetch: typeof fetch;
}

/** The client id of whoever started the stack. */
export const OPERATOR = 'operator';

export async function reach(flags: GlobalFlags): Promise<Reach> {
  const home = openHome(flags.data);
  const limit = timeoutMs(flags);
  const send = boundedFetch(limit);
  if (isByPerson(flags, home)) return reachByLogin(flags, home, send, limit);
  const issuer = flags.authority ?? readStack(home);
  const { key, clientId } = await readClient(flags, home);
  const client = createClient({ issuer, clientId, key, asOperator: clientId === OPERATOR, fetch: send });
  return { home, issuer, clientId, key, client, fetch: send };
}

/** Who asks: a flag says it, or the key file. The operator's own file may be older than that member. */
async function readClient(flags: GlobalFlags, home: Home): Promise<{ key: ClientKey; clientId: string }> {
  const path = flags.key ?? home.operatorKey;
  const file = await readKeyFile(path);
  const clientId =
    flags.clientId ?? file.clientId ?? (resolve(path) === resolve(home.operatorKey) ? OPERATOR : undefined);
  if (clientId !== undefined) return { key: file.key, clientId };
  throw new CliError(
    EXIT.authentication,
    'NO_CLIENT_ID',
    'The key file does not say which client the key belongs to.',
    'Give --client-id ID, as "dauth clients add" printed it. A file that --generate made holds it.',
  );
}

/** What can be refused before anything is read or asked. @throws CliError (usage) */
export function checkFlags(flags: GlobalFlags): void {
  timeoutMs(flags);
  if (flags.signedIn === true && (flags.key ?? flags.clientId) !== undefined)
    throw usage(
      '--signed-in and --key exclude each other: either the signed-in person asks, or a client with its key.',
    );
  if (flags.authority !== undefined) assertOrigin('--authority', flags.authority);
}

/** @throws CliError (usage) */
export function assertOrigin(flag: string, value: string): void {
  given(flag, value, parseSecureUrl);
  if (new URL(value).origin !== value)
    throw usage(`${flag} is an origin, without a path or a trailing slash: https://auth.example.`);
}

/** `--timeout` in milliseconds. @throws CliError (usage) */
export function timeoutMs(flags: Pick<GlobalFlags, 'timeout'>): number {
  const seconds = Number(flags.timeout ?? DEFAULT_SECONDS);
  if (!(seconds > 0 && seconds <= 3_600))
    throw usage('--timeout is a number of seconds, more than 0 and at most 3600.');
  return Math.ceil(seconds * 1_000);
}

/** The identity to check the executor against: a flag, or what the stack pinned. @throws CliError exit 3 where there is none */
export function knownIdentity(flags: GlobalFlags): string {
  const identity = flags.executorIdentity ?? readPin(openHome(flags.data));
  if (identity !== undefined) return identity;
  const hint = 'Give --executor-identity THUMBPRINT, as the operator told you.';
  throw new CliError(
    EXIT.authentication,
    'NO_EXECUTOR_IDENTITY',
    'No executor identity is known, so nothing was sealed or sent.',
    hint,
  );
}

/** The executor's verified key. */
export function reachExecutor(identity: string, { home, issuer, fetch }: Reach): Promise<VerifiedExecutor> {
  return fetchExecutor({ url: issuer, identities: [identity], seqStore: fileSeqStore(home), fetch });
}

/** The authority of the stack that was started here. @throws CliError (unreachable) */
export function readStack(home: Home): string {
  try {
    return (JSON.parse(readFileSync(home.stackFile, 'utf8')) as { authority: string }).authority;
  } catch {
    throw new CliError(
      EXIT.unreachable,
      'NO_STACK',
      'No stack was started with this data directory.',
      'Run "dauth start", or give --authority, --key and --executor-identity, or sign in with "dauth login AUTHORITY".',
    );
  }
}

function readPin(home: Home): string | undefined {
  try {
    return readFileSync(home.executorPin, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * Ends each request after `limit` milliseconds, its answer's body included. By a timer that holds what it ends: of signals that
 * `AbortSignal.any` joins, Node collects one of `AbortSignal.timeout` before its time, and the request never ends (seen on Node 20).
 */
export function boundedFetch(limit: number): typeof fetch {
  return (input, init) => {
    const ends = new AbortController();
    const end = (reason: unknown): void => ends.abort(reason);
    setTimeout(
      () => end(Object.assign(new Error('There was no answer in time.'), { name: 'TimeoutError' })),
      limit,
    ).unref();
    const given = init?.signal;
    if (given?.aborted === true) end(given.reason);
    given?.addEventListener('abort', () => end(given.reason), { once: true });
    return fetch(input, { ...init, signal: ends.signal });
  };
}
