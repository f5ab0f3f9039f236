/** Clients, servers, grants, connections and the journal: thin commands over the authority's API. */
import type { ConnectionView } from '@dauth/client';
import { generateKeyFile, readPublicJwk } from './home.ts';
import { CliError, EXIT, print, table, usage } from './output.ts';
import { reach, type GlobalFlags } from './reach.ts';

export interface KeyFlags extends GlobalFlags {
  readonly jwk?: string;
  readonly generate?: string;
}

/** The public half of `--jwk FILE`, or of a key made into `--generate FILE`. */
async function publicKey(flags: KeyFlags): Promise<object> {
  if ((flags.jwk === undefined) === (flags.generate === undefined))
    throw usage('Give either --jwk FILE or --generate FILE.');
  return flags.jwk === undefined ? generateKeyFile(flags.generate!) : readPublicJwk(flags.jwk);
}

export async function addClient(
  flags: KeyFlags & { name: string; grant?: string[]; owner?: string; org?: string; scope?: string[] },
): Promise<void> {
  const { client } = await reach(flags);
  const { name, grant, owner, org, scope } = flags;
  const optional = {
    ...(grant && { grants: grant }),
    ...(owner && { owner }),
    ...(org && { org }),
    ...(scope && { scopes: scope }),
  };
  const added = await client.clients.add({ name, jwk: await publicKey(flags), ...optional });
  print(flags.json === true, added, () => added.client_id);
}

export async function addServer(flags: KeyFlags & { resource: string; scope?: string[]; org?: string }): Promise<void> {
  const { client } = await reach(flags);
  const { resource, scope, org } = flags;
  const added = await client.servers.add({
    resource,
    jwk: await publicKey(flags),
    ...(scope && { scopes: scope }),
    ...(org && { org }),
  });
  print(flags.json === true, added, () => added.client_id);
}

export async function addGrant(
  flags: GlobalFlags & { client: string; resource: string; owner?: string; expiresIn?: string },
): Promise<void> {
  const { client } = await reach(flags);
  const life = flags.expiresIn === undefined ? {} : { expires_in: Number(flags.expiresIn) * 86_400 };
  const grant = await client.grants.add({
    client_id: flags.client,
    resource: flags.resource,
    ...(flags.owner && { owner: flags.owner }),
    ...life,
  });
  print(flags.json === true, grant, () => grant.id);
}

/** `ls` of anything: the columns that exist. */
export async function list(
  kind: 'clients' | 'servers' | 'grants',
  columns: readonly string[],
  flags: GlobalFlags,
): Promise<void> {
  const { client } = await reach(flags);
  const { items } = await client[kind].list();
  print(flags.json === true, items, () =>
    table(
      columns,
      (items as Record<string, unknown>[]).map((item) => columns.map((name) => cell(item[name]))),
    ),
  );
}

function cell(value: unknown): string {
  return value === undefined || value === null ? '' : String(value as string | number | readonly string[]);
}

export async function removeGrant(id: string, flags: GlobalFlags): Promise<void> {
  const { client } = await reach(flags);
  await client.grants.revoke(id);
  print(flags.json === true, { id, revoked: true }, () => 'revoked');
}

export async function listConnections(flags: GlobalFlags): Promise<void> {
  const { client } = await reach(flags);
  const items: ConnectionView[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.connections.list(cursor);
    items.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  print(flags.json === true, items, () => {
    const rows = items.map((item) => [
      item.name,
      item.status,
      item.allow.map((rule) => rule.origin).join(' '),
      item.owner,
      item.handle,
    ]);
    return table(['name', 'status', 'origin', 'owner', 'handle'], rows);
  });
}

export async function actOnConnection(
  verb: 'get' | 'suspend' | 'resume' | 'revoke' | 'rm',
  handle: string,
  flags: GlobalFlags,
): Promise<void> {
  const { client } = await reach(flags);
  if (verb === 'rm') {
    await client.connections.remove(handle);
    print(flags.json === true, { handle, removed: true }, () => 'removed');
    return;
  }
  const row = await client.connections[verb](handle);
  print(flags.json === true, row, () =>
    verb === 'get' ? JSON.stringify(row, null, 2) : `${row.name} is ${row.status}`,
  );
}

/** Journal records as they were written, one JSON line each: `export` all there are, `tail` the last and then what comes. */
export async function audit(
  verb: 'tail' | 'export',
  flags: GlobalFlags & { follow?: boolean; lines?: string },
): Promise<void> {
  const { client } = await reach(flags);
  let after = 0;
  const buffered: string[] = [];
  for (;;) {
    const { records, next } = await client.audit(after, 1_000);
    buffered.push(...records);
    if (verb === 'export') buffered.splice(0).forEach((line) => process.stdout.write(`${line}\n`));
    if (records.length === 0) break;
    after = next;
  }
  if (verb === 'export') return;
  const count = Number(flags.lines ?? 20);
  if (!Number.isInteger(count) || count < 0) throw new CliError(EXIT.usage, 'USAGE', '--lines is a number.');
  buffered.slice(-count || buffered.length).forEach((line) => process.stdout.write(`${line}\n`));
  while (flags.follow === true) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { records, next } = await client.audit(after, 1_000);
    records.forEach((line) => process.stdout.write(`${line}\n`));
    after = next;
  }
}
