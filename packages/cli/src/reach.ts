/** From global flags to a client: which authority, which key, which executor identity. Nothing is learnt from the authority. */
import { readFileSync } from 'node:fs';
import { createClient, fetchExecutor, type ClientKey, type DAuthClient, type VerifiedExecutor } from '@dauth/client';
import { fileSeqStore, openHome, readKeyFile, type Home } from './home.ts';
import { CliError, EXIT, usage } from './output.ts';

export interface GlobalFlags {
  readonly data?: string;
  readonly authority?: string;
  readonly key?: string;
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
}

export async function reach(flags: GlobalFlags): Promise<Reach> {
  const home = openHome(flags.data);
  const issuer = flags.authority ?? readStack(home);
  const key = await readKeyFile(flags.key ?? home.operatorKey);
  const clientId = flags.clientId ?? 'operator';
  const send = boundedFetch(timeoutMs(flags));
  return {
    home,
    issuer,
    clientId,
    key,
    client: createClient({ issuer, clientId, key, asOperator: clientId === 'operator', fetch: send }),
  };
}

/** `--timeout` in milliseconds. @throws CliError (usage) */
export function timeoutMs(flags: GlobalFlags): number {
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
export function reachExecutor(identity: string, { home, issuer }: Reach): Promise<VerifiedExecutor> {
  return fetchExecutor({ url: issuer, identities: [identity], seqStore: fileSeqStore(home) });
}

function readStack(home: Home): string {
  try {
    return (JSON.parse(readFileSync(home.stackFile, 'utf8')) as { authority: string }).authority;
  } catch {
    throw new CliError(
      EXIT.unreachable,
      'NO_STACK',
      'No stack was started with this data directory.',
      'Run "dauth start", or give --authority, --key and --executor-identity.',
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

function boundedFetch(limit: number): typeof fetch {
  return (input, init) => fetch(input, { ...init, signal: init?.signal ?? AbortSignal.timeout(limit) });
}
