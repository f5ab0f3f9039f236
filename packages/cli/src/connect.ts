/** `dauth connect` and `rotate`: reads a credential, seals it here, stores ciphertext. The plaintext ends with this process. */
import {
  nextPolicy,
  seal,
  sealLogin,
  verifySeal,
  type ExpectedSeal,
  type SealedCredential,
  type SealPolicy,
  type StoredConnection,
  type TakenConnection,
  type VerifiedExecutor,
  type VerifiedSeal,
} from '@dauth/client';
import { DAuthError, parseEnvelope, parseHandle, type ConnectionHandle } from '@dauth/protocol';
import { sessionPolicy, type StatedCapture } from './capture.ts';
import { assertNotCaptured, noteCaptured, unverified } from './captured.ts';
import { GRANT_FIELD, openConsent, type Consent } from './consent.ts';
import { openSeals } from './home.ts';
import type { Memory } from './memory.ts';
import { CliError, describeError, print, say, usage } from './output.ts';
import { describePolicy, makePolicy, statedLife, statePolicy, type PolicyFlags, type StatedPolicy } from './policy.ts';
import { knownIdentity, reach, reachExecutor, type GlobalFlags, type Reach } from './reach.ts';
import { readSecret } from './secret.ts';

interface SealingFlags extends GlobalFlags, PolicyFlags {
  readonly fromEnv?: string;
  readonly fromFile?: string;
  /** The credential is a person's yes at a provider. */
  readonly oauth?: string;
}

export interface ConnectFlags extends SealingFlags {
  readonly origin: string;
  readonly server: readonly string[];
  readonly try?: boolean;
}

export interface RotateFlags extends SealingFlags {
  readonly name?: string;
  readonly sealedBy?: readonly string[];
}

export async function connect(name: string, flags: ConnectFlags): Promise<void> {
  await using consent = flags.oauth === undefined ? undefined : await openConsent(flags);
  const stated = statePolicy(asked(flags, consent), flags.origin, flags.server);
  // Before anybody is asked: without an identity to check against, nothing is.
  const identity = knownIdentity(flags);
  const at = await reach(flags);
  const seals = openSeals(at.home);
  seals.highest();
  const executor = await reachExecutor(identity, at);
  const policy = await makePolicy(name, stated, flags, at);
  const { sealed, session } = await sealBoth(executor, policy, stated.capture, flags, at, consent);
  if (session !== undefined) noteCaptured(seals, [sealed.handle, session.handle]);
  // First what is captured: a login whose session is not there logs nobody in.
  if (session !== undefined) await at.client.connections.store(session);
  const row = await at.client.connections.store({ ...sealed, ...(flags.try === true ? { try: true } : {}) });
  for (const { handle, ver } of [sealed, ...(session === undefined ? [] : [session])])
    seals.advance(`${handle} ${at.key.jkt}`, ver);
  const { ver, status } = consent === undefined ? { ...row, ver: sealed.ver } : await redeem(sealed.handle, at);
  const captured =
    session === undefined ? {} : { captured: { handle: session.handle, name: stated.capture!.connection } };
  print(
    flags.json === true,
    {
      ...{ handle: sealed.handle, name, ver, kid: executor.key.kid, status },
      ...captured,
      ...unknownOf(row),
    },
    () => sealed.handle,
  );
  if (flags.json === true) return;
  if (session !== undefined)
    say(`What it answers is captured into ${session.handle} ("${stated.capture!.connection}").`);
  warnOfUnknown(row);
}

/** A credential, and where it logs in, what is captured out of the answers. */
async function sealBoth(
  executor: VerifiedExecutor,
  policy: SealPolicy,
  capture: StatedCapture | undefined,
  flags: SealingFlags,
  at: Reach,
  consent: Consent | undefined,
): Promise<{ readonly sealed: SealedCredential; readonly session?: SealedCredential }> {
  if (capture === undefined) return { sealed: await sealStated(executor, policy, flags, at, consent) };
  const { values, lifetime } = capture;
  const { session, login } = await sealLogin({
    ...{ executor, key: at.key, fields: await readFields(flags, consent), login: policy },
    ...{ session: sessionPolicy(policy, capture), values, lifetime },
  });
  if (flags.json !== true)
    for (const { envelope } of [login, session]) {
      const { dauth } = parseEnvelope(envelope).header;
      describePolicy({ ...nextPolicy({ policy: dauth, jkt: at.key.jkt }, { now: dauth.iat }) }, executor.level);
    }
  return { sealed: login, session };
}

/** Seals a new value for an existing connection: with the policy it has, as its owner sealed it, or with one that is given whole. */
export async function rotate(name: string, flags: RotateFlags): Promise<void> {
  const handle = parseHandle(name);
  if (flags.oauth !== undefined && isWhole(flags)) {
    await using consent = await openConsent(flags);
    return await replace(handle, flags, consent);
  }
  return replace(handle, flags, undefined);
}

async function replace(handle: ConnectionHandle, flags: RotateFlags, whole: Consent | undefined): Promise<void> {
  const stated = stateWhole(flags, whole);
  const identity = knownIdentity(flags);
  const at = await reach(flags);
  const seals = openSeals(at.home);
  const known = knownSeals(seals, handle);
  const executor = await reachExecutor(identity, at);
  const row = await at.client.connections.get(handle);
  const verify = () => verifyRow(row, { handle, executor: executor.identity }, known, flags, at);
  let policy: SealPolicy;
  if (stated === undefined) {
    policy = nextPolicy(await verify(), { now: Math.floor(Date.now() / 1_000), ...statedLife(flags) });
    if (policy.capture !== undefined || policy.captured !== undefined) noteCaptured(seals, [handle]);
  } else {
    // Whoever sealed it here knows whether it is a login. To anybody else the authority could show what it likes.
    if (known.sealers.length === 0) await verify();
    assertNotCaptured(seals, handle, row.envelope);
    const replaces = { handle, ver: Math.max(row.ver, known.ver) + 1 };
    policy = { ...(await makePolicy(stated.name, stated, flags, at)), replaces };
  }
  await using again =
    flags.oauth === undefined || whole !== undefined ? undefined : await openConsent(flags, policy.inject);
  const consent = whole ?? again;
  const sealed = await sealStated(executor, policy, flags, at, consent);
  const rotated = await at.client.connections.rotate(handle, sealed);
  seals.advance(`${handle} ${at.key.jkt}`, sealed.ver);
  const { unknown_servers: _, ...stored } = rotated;
  const shown = consent === undefined ? stored : { ...stored, ...(await redeem(handle, at)) };
  print(flags.json === true, { ...shown, ...unknownOf(rotated) }, () => `${handle} is at version ${shown.ver}`);
  if (flags.json !== true) warnOfUnknown(rotated);
}

/** What a consent says in the place of the flags that would. */
function asked<Flags extends PolicyFlags>(flags: Flags, consent: Consent | undefined): Flags {
  if (consent === undefined) return flags;
  return { ...flags, inject: [consent.inject], field: [...consent.fields, GRANT_FIELD] };
}

/** While the code lives. Whatever comes of it, the connection is stored. */
async function redeem(handle: ConnectionHandle, at: Reach): Promise<{ readonly ver: number; readonly status: string }> {
  try {
    const { ver, status } = await at.client.connections.redeem(handle);
    return { ver, status };
  } catch (error) {
    const { exit, code, message } = describeError(error);
    throw new CliError(
      exit,
      code,
      message,
      `It is stored as ${handle}, without a token. Connect again with "dauth connections rotate ${handle} --oauth …", or remove it with "dauth connections rm ${handle}".`,
    );
  }
}

function unknownOf({ unknown_servers: unknown }: TakenConnection): Partial<Pick<TakenConnection, 'unknown_servers'>> {
  return unknown.length === 0 ? {} : { unknown_servers: unknown };
}

/** Sealed before its server is registered is no mistake, and misspelt is one; only a person can tell. */
function warnOfUnknown({ unknown_servers: unknown }: TakenConnection): void {
  for (const resource of unknown)
    say(
      `No MCP server is registered as ${resource}: the credential cannot be used there until one is.\nIf it is misspelt, "connections rm" and connect again. Else the operator runs "dauth servers add --resource URL --generate FILE".`,
    );
}

/** Reads the value and seals it; what was sealed is said once it holds together, and before anything is sent. */
async function sealStated(
  executor: VerifiedExecutor,
  policy: SealPolicy,
  flags: SealingFlags,
  at: Reach,
  consent: Consent | undefined,
): Promise<SealedCredential> {
  const sealed = await seal({ executor, key: at.key, fields: await readFields(flags, consent), policy });
  if (flags.json !== true) describePolicy(policy, executor.level);
  return sealed;
}

/** The policy as this owner's key sealed it. What the authority says of it is not looked at. */
async function verifyRow(
  row: StoredConnection,
  of: Pick<ExpectedSeal, 'handle' | 'executor'>,
  known: KnownSeals,
  flags: RotateFlags,
  at: Reach,
): Promise<VerifiedSeal> {
  const sealers = [at.key.jkt, ...known.sealers, ...(flags.sealedBy ?? [])];
  try {
    return await verifySeal(row, { ...of, issuer: at.issuer, sealers, atLeast: known.ver });
  } catch (error) {
    if (!(error instanceof DAuthError)) throw error;
    throw unverified(error.publicMessage, isWhole(flags));
  }
}

/** What makes a policy. */
const POLICY_FLAGS = [
  ...([
    'name',
    'origin',
    'server',
    'inject',
    'method',
    'path',
    'query',
    'withoutQuery',
    'body',
    'graphql',
    'websocket',
    'rate',
    'budget',
    'spki',
    'responseHeader',
    'refuseEchoes',
  ] as const),
  ...(['pin', 'pinServer', 'allowBearer', 'owner', 'org'] as const),
];

function isWhole(flags: RotateFlags): boolean {
  return POLICY_FLAGS.some((flag) => flags[flag] !== undefined);
}

/** A policy that is given is given whole: what was left out would have to come from somewhere. */
function stateWhole(
  flags: RotateFlags,
  consent: Consent | undefined,
): (StatedPolicy & { readonly name: string }) | undefined {
  const { name, origin, server } = flags;
  if (!isWhole(flags)) {
    statedLife(flags);
    return undefined;
  }
  if (name === undefined || origin === undefined || server === undefined)
    throw usage(
      'A rotation keeps the sealed policy, or is given a whole new one.',
      'Give --name, --origin and --server, with --inject, --method, --path, --query, --body, --graphql, --websocket, --rate, --budget, --spki, --response-header, --refuse-echoes, --pin, --pin-server and --allow-bearer as for connect; or none of them.',
    );
  return { name, ...statePolicy(asked(flags, consent), origin, server) };
}

interface KnownSeals {
  /** Highest version seen; 0 where there is none. */
  readonly ver: number;
  readonly sealers: readonly string[];
}

function knownSeals(seals: Memory, handle: ConnectionHandle): KnownSeals {
  const of = [...seals.highest()].filter(([name]) => name.startsWith(`${handle} `));
  return {
    ver: Math.max(0, ...of.map(([, ver]) => ver)),
    sealers: of.map(([name]) => name.slice(handle.length + 1)),
  };
}

async function readFields(flags: SealingFlags, consent: Consent | undefined): Promise<Record<string, Uint8Array>> {
  const source = {
    ...(flags.fromEnv === undefined ? {} : { fromEnv: flags.fromEnv }),
    ...(flags.fromFile === undefined ? {} : { fromFile: flags.fromFile }),
  };
  const secret = { ...source, noInput: flags.input === false };
  if (consent === undefined) return readSecret(secret, flags.field ?? ['token']);
  // The secret first: a code that waits for somebody to type would end meanwhile.
  const fields = consent.fields.length === 0 ? {} : await readSecret(secret, consent.fields);
  return { ...fields, [GRANT_FIELD]: await consent.grant() };
}
