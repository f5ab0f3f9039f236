/**
 * `dauth login` and `dauth logout`: a person signs this device in (RFC 8628), and out. Never asks for a password, never prints
 * a token, and never leaves a sign-in behind that it could not write down.
 */
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import {
  createClient,
  endSignIn,
  signInByDevice,
  type DeviceCode,
  type SignedInClient,
  type SignIn,
} from '@dauth/client';
import { makeHome, openHome, type Home } from './home.ts';
import { generateKeyFile, readKeyFile, type KeyFile } from './key-file.ts';
import { alone } from './lock.ts';
import { dropLogin, readLogin, writeLogin, type Login } from './login-file.ts';
import { CliError, describeError, EXIT, print, say, sayBold } from './output.ts';
import { assertOrigin, boundedFetch, readStack, timeoutMs, type GlobalFlags } from './reach.ts';
import { expiryOf } from './session.ts';

export interface LoginFlags extends Pick<GlobalFlags, 'data' | 'clientId' | 'timeout' | 'json'> {
  readonly scope?: readonly string[];
}

/** The client that every authority registers for this command (spec/dauth.md §4.3). */
const CLI_ID = 'dauth-cli';
/** All that a person may do at the authority; the page lets them leave some of it out. */
const SCOPES = ['dauth:connections.read', 'dauth:connections.write', 'dauth:grants.write'];

export async function login(authority: string | undefined, flags: LoginFlags): Promise<void> {
  if (authority !== undefined) assertOrigin('AUTHORITY', authority);
  const limit = timeoutMs(flags);
  const home = openHome(flags.data);
  refuseSecond(home);
  if (flags.json !== true) assertTerminal();
  const issuer = authority ?? readStack(home);
  makeHome(home);
  // Held all the way: two sign-ins at once would leave one of them behind.
  await alone(home.loginLock, limit, async () => {
    refuseSecond(home);
    const { key } = await ownKey(home);
    const of = { issuer, clientId: flags.clientId ?? CLI_ID, key, fetch: boundedFetch(limit) };
    const signIn = await signInByDevice({
      ...{ ...of, scope: flags.scope ?? SCOPES, signal: interruption() },
      show: (code) => show(code, flags.json === true),
      isUnreachable: () => flags.json !== true && say('The authority does not answer; asking again.'),
      wait: (milliseconds, signal) => setTimeout(milliseconds, undefined, { signal }),
    });
    const kept = await keep(home, of, signIn);
    const { refresh_token: _, jkt: __, ...shown } = kept;
    print(flags.json === true, { event: 'signed_in', ...shown }, () => describeLogin(kept));
  });
  if (existsSync(home.operatorKey) && flags.json !== true)
    say('In this data directory the operator asks, unless a command is given --signed-in.');
}

/** Asked first of all, so that nothing else decides the exit code, and again when nobody else can sign in. */
function refuseSecond(home: Home): void {
  const known = readLogin(home);
  if (known === undefined) return;
  throw new CliError(
    EXIT.conflict,
    'SIGNED_IN',
    `Here ${known.owner} is signed in at ${known.authority} already.`,
    'Run "dauth logout" first, or use another --data directory.',
  );
}

/**
 * Who sees the code may answer before the person it is for, and this device is then theirs (RFC 8628 §5.5). A terminal is in
 * front of somebody; a log or a pipe is read by whoever may read it. A program says with `--json` that it shows the code itself.
 */
function assertTerminal(): void {
  if (process.stderr.isTTY) return;
  throw new CliError(
    EXIT.authentication,
    'NO_TERMINAL',
    'There is no terminal here to show a code on, and what is written elsewhere may be read by others.',
    'Run it in a terminal; a program that shows the code to one person runs "dauth login --json".',
  );
}

async function ownKey(home: Home): Promise<KeyFile> {
  if (!existsSync(home.loginKey)) await generateKeyFile(home.loginKey);
  return readKeyFile(home.loginKey);
}

/** Asks who it is, and writes it down; what cannot be written down is given back. */
async function keep(home: Home, of: SignedInClient, { token, refreshToken, refreshTimeout }: SignIn): Promise<Login> {
  try {
    const client = createClient({ ...of, tokens: { request: () => Promise.resolve(token) } });
    const { sub: owner, org } = await client.whoami();
    const kept: Login = {
      ...{ authority: of.issuer, client_id: of.clientId, owner, org, scope: token.scope },
      ...{ refresh_token: refreshToken, jkt: of.key.jkt, expires_at: expiryOf(refreshTimeout) },
    };
    writeLogin(home, kept);
    return kept;
  } catch (error) {
    await endSignIn(of, refreshToken).catch(() => undefined);
    throw error;
  }
}

function show({ userCode, verificationUri, verificationUriComplete, expiresIn }: DeviceCode, json: boolean): void {
  const whole = verificationUriComplete ?? null;
  if (json) {
    const code = { user_code: userCode, verification_uri: verificationUri, verification_uri_complete: whole };
    return print(true, { event: 'code', ...code, expires_in: expiresIn }, String);
  }
  say('To sign in, open this page in a browser and type the code:');
  say(`  page  ${verificationUri}`);
  sayBold(`  code  ${userCode}`);
  if (whole !== null) say(`  both  ${whole}`);
  say(`Waiting for your answer there, for at most ${Math.ceil(expiresIn / 60)} minutes. Ctrl-C ends it.`);
}

function describeLogin({ authority, owner, scope, expires_at: end }: Login): string {
  const until = end === null ? 'for as long as your permission lasts' : `until ${day(end)}, and longer with each use`;
  return `Signed in at ${authority} as ${owner}, ${until}.\nIt may: ${scope.join(' ') || 'nothing'}`;
}

export async function logout(flags: LoginFlags): Promise<void> {
  const limit = timeoutMs(flags);
  const home = openHome(flags.data);
  const ended = readLogin(home) === undefined ? undefined : await alone(home.loginLock, limit, () => end(home, limit));
  if (ended === undefined) return print(flags.json === true, { signed_out: false }, () => 'Nobody is signed in here.');
  const { authority, owner } = ended;
  const shown = { signed_out: true, authority, owner };
  print(
    flags.json === true,
    shown,
    () => `Signed out at ${authority}, on every machine where ${owner} used "dauth login".`,
  );
}

/** Signed out here in any case; the sentence says where that is all. */
async function end(home: Home, limit: number): Promise<Login | undefined> {
  const known = readLogin(home);
  if (known === undefined) return undefined;
  const { authority: issuer, client_id: clientId, expires_at: until } = known;
  const failure = await endSignIn({ issuer, clientId, fetch: boundedFetch(limit) }, known.refresh_token).then(
    () => undefined,
    describeError,
  );
  dropLogin(home);
  if (failure === undefined) return known;
  const unused = until === null ? 'It ends when your permission does.' : `Unused it ends on ${day(until)}.`;
  throw new CliError(
    failure.exit,
    'NOT_REVOKED',
    `The sign-in was removed here, and is not revoked at the authority. ${failure.message}`,
    `${unused} To end it now, open ${issuer}/account and end "dauth on the command line" there.`,
  );
}

function interruption(): AbortSignal {
  const controller = new AbortController();
  process.on('SIGINT', () =>
    controller.abort(new CliError(EXIT.interrupted, 'INTERRUPTED', 'Interrupted; nobody was signed in.')),
  );
  return controller.signal;
}

function day(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().slice(0, 10);
}
