/** `dauth connect` and `rotate`: reads a credential, seals it here, stores ciphertext. The plaintext ends with this process. */
import { seal, type InjectionInput, type SealPolicy } from '@dauth/client';
import { parseInject, DEFAULT_INJECT } from './inject.ts';
import { print, say, usage } from './output.ts';
import { knownIdentity, reach, reachExecutor, type GlobalFlags } from './reach.ts';
import { readSecret } from './secret.ts';

export interface ConnectFlags extends GlobalFlags {
  readonly origin: string;
  readonly server: readonly string[];
  readonly inject?: readonly string[];
  readonly method?: readonly string[];
  readonly path?: readonly string[];
  readonly field?: readonly string[];
  readonly fromEnv?: string;
  readonly fromFile?: string;
  readonly owner?: string;
  readonly org?: string;
  readonly pin?: readonly string[];
  readonly pinServer?: readonly string[];
  readonly expiresIn?: string;
  readonly try?: boolean;
}

/** A year of 365 days, in days. */
const DEFAULT_DAYS = 365;

export async function connect(name: string, flags: ConnectFlags): Promise<void> {
  // Before anything else: without an identity to check against, nothing is even asked.
  const identity = knownIdentity(flags);
  const at = await reach(flags);
  const executor = await reachExecutor(identity, at);
  const policy: SealPolicy = {
    ...{ issuer: at.issuer, owner: flags.owner ?? at.clientId, connection: name, servers: flags.server },
    ...(flags.org === undefined ? {} : { org: flags.org }),
    allow: [{ origin: flags.origin, methods: flags.method ?? ['GET'], paths: flags.path ?? ['/**'] }],
    inject: (flags.inject ?? [DEFAULT_INJECT]).map(parseInject),
    ...pins(flags),
    expiresAt: Math.floor(Date.now() / 1_000) + days(flags.expiresIn) * 86_400,
  };
  if (flags.owner === undefined) Object.assign(policy, { owner: (await at.client.whoami()).sub });
  describePolicy(name, policy, executor.level);
  const fields = await readSecret({ ...pick(flags), noInput: flags.input === false }, flags.field ?? ['token']);
  const sealed = await seal({ executor, key: at.key, fields, policy });
  const row = await at.client.connections.store({ ...sealed, ...(flags.try === true ? { try: true } : {}) });
  print(
    flags.json === true,
    { handle: row.handle, name: row.name, ver: row.ver, kid: row.kid, status: row.status },
    () => row.handle,
  );
}

/** Seals a new value for an existing connection, with the policy it has. */
export async function rotate(handle: string, flags: ConnectFlags): Promise<void> {
  // Before anything else: without an identity to check against, nothing is even asked.
  const identity = knownIdentity(flags);
  const at = await reach(flags);
  const executor = await reachExecutor(identity, at);
  const row = await at.client.connections.get(handle);
  const policy: SealPolicy = {
    ...{
      issuer: at.issuer,
      org: row.org,
      owner: row.owner,
      connection: row.name,
      servers: row.servers,
      allow: row.allow,
    },
    inject: row.inject as readonly InjectionInput[],
    ...(row.pin === undefined ? {} : { pin: row.pin }),
    expiresAt: Math.max(row.expires_at, Math.floor(Date.now() / 1_000) + days(flags.expiresIn) * 86_400),
    replaces: { handle: row.handle, ver: row.ver + 1 },
  };
  // The policy comes from the authority, so the owner sees it before sealing again.
  describePolicy(row.name, policy, executor.level);
  const fields = await readSecret({ ...pick(flags), noInput: flags.input === false }, flags.field ?? ['token']);
  const sealed = await seal({ executor, key: at.key, fields, policy });
  const rotated = await at.client.connections.rotate(handle, sealed);
  print(flags.json === true, rotated, () => `${rotated.handle} is at version ${rotated.ver}`);
}

function describePolicy(name: string, policy: SealPolicy, level: string): void {
  say(`Sealing "${name}" for ${policy.owner}, to an executor of level ${level}:`);
  for (const rule of policy.allow)
    say(`  may be sent to  ${rule.origin}  ${rule.methods.join(' ')}  ${rule.paths.join(' ')}`);
  say(`  may be used by  ${policy.servers.join(' ')}`);
  say(`  until           ${new Date(policy.expiresAt * 1_000).toISOString().slice(0, 10)}`);
}

function pins(flags: ConnectFlags): Pick<SealPolicy, 'pin'> {
  const pin = {
    ...(flags.pin === undefined ? {} : { jkt: flags.pin }),
    ...(flags.pinServer === undefined ? {} : { server_jkt: flags.pinServer }),
  };
  return Object.keys(pin).length === 0 ? {} : { pin };
}

function days(value: string | undefined): number {
  const number = Number(value ?? DEFAULT_DAYS);
  if (!Number.isInteger(number) || number < 1 || number > 3_650)
    throw usage('--expires-in is a number of days from 1 to 3650.');
  return number;
}

function pick(flags: ConnectFlags): { fromEnv?: string; fromFile?: string } {
  return {
    ...(flags.fromEnv === undefined ? {} : { fromEnv: flags.fromEnv }),
    ...(flags.fromFile === undefined ? {} : { fromFile: flags.fromFile }),
  };
}
