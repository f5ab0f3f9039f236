/** Clients, servers, grants, connections and the journal: thin commands over the authority's API. */
import type { ClientView, ConnectionView, DAuthClient, StoredConnection } from '@dauth/client';
import { readPublicJwk, registerKeyFile } from './key-file.ts';
import { parseSecureUrl } from '@dauth/protocol';
import { EXIT, given, print, printRecord, say, table, usage } from './output.ts';
import { days, wholeNumber } from './numbers.ts';
import { reach, type GlobalFlags } from './reach.ts';

/** Records of one page of the journal, and how long `--follow` waits for more, in milliseconds. */
const PAGE = 1_000;
const FOLLOW_MS = 500;

export interface KeyFlags extends GlobalFlags {
  readonly jwk?: string;
  readonly generate?: string;
}

/** Registers the public half of `--jwk FILE`, or of a key made into `--generate FILE`, which then says as what. */
function registerKey<T extends { readonly client_id: string }>(
  flags: KeyFlags,
  register: (jwk: object) => Promise<T>,
): Promise<T> {
  return flags.generate === undefined
    ? register(readPublicJwk(flags.jwk ?? ''))
    : registerKeyFile(flags.generate, register);
}

/** @throws CliError (usage), before anything is asked */
function assertOneKey(flags: KeyFlags): void {
  if ((flags.jwk === undefined) === (flags.generate === undefined))
    throw usage('Give either --jwk FILE or --generate FILE.');
}

export interface ClientFlags extends KeyFlags {
  readonly name: string;
  readonly public?: boolean;
  readonly redirectUri?: readonly string[];
  readonly grant?: readonly string[];
  readonly owner?: string;
  readonly org?: string;
  readonly scope?: readonly string[];
  readonly bearer?: boolean;
  readonly nonces?: boolean;
}

export async function addClient(flags: ClientFlags): Promise<void> {
  if (flags.public !== true) assertOneKey(flags);
  else if ((flags.jwk ?? flags.generate) !== undefined)
    throw usage('A public client has no key: give --public, or --jwk or --generate.');
  const { client } = await reach(flags);
  const { name, redirectUri, grant, owner, org, scope } = flags;
  const wanted = {
    name,
    ...(redirectUri && { redirect_uris: redirectUri }),
    ...(grant && { grants: grant }),
    ...(owner && { owner }),
    ...(org && { org }),
    ...(scope && { scopes: scope }),
    ...(flags.bearer === true && { dpop_bound_access_tokens: false }),
    ...(flags.nonces === true && { dpop_nonces: true }),
  };
  const added =
    flags.public === true
      ? await client.clients.add({ ...wanted, auth: 'none' })
      : await registerKey(flags, (jwk) => client.clients.add({ ...wanted, jwk }));
  if (!added.dpop_bound_access_tokens) say(BEARER_WARNING);
  print(flags.json === true, added, () => added.client_id);
}

const BEARER_WARNING =
  'Marked Bearer: a token of this client works for whoever has it. It opens only what was sealed with --allow-bearer.';

/** Ends a client for good: no new token, and no call with an old one. */
export async function removeClient(id: string, flags: GlobalFlags): Promise<void> {
  const { client } = await reach(flags);
  const { revision } = await client.revoke('client', id);
  print(flags.json === true, { client_id: id, revoked: true, revision }, () => 'revoked');
}

/** Takes the mark of the Bearer exception away: no new token without a key, and no exchange of an old one. */
export async function bindClient(id: string, flags: GlobalFlags): Promise<void> {
  const { client } = await reach(flags);
  const bound = await client.clients.bind(id);
  print(flags.json === true, bound, () => 'bound');
}

export async function listClients(flags: GlobalFlags): Promise<void> {
  const { client } = await reach(flags);
  const items = await allClients(client);
  print(flags.json === true, items, () =>
    table(
      ['client_id', 'name', 'tokens', 'auth', 'source', 'owner', 'jkt'],
      items.map((each) => [
        ...[each.client_id, each.name, each.dpop_bound_access_tokens ? 'DPoP' : 'BEARER'],
        ...[each.auth, each.source, each.owner ?? '', each.jkt ?? ''],
      ]),
    ),
  );
}

async function allClients(client: DAuthClient): Promise<readonly ClientView[]> {
  const items: ClientView[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.clients.list(cursor);
    items.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return items;
}

/** Clients whose tokens work for whoever has them: an operator is told of each. */
export async function bearerClients(flags: GlobalFlags): Promise<readonly string[]> {
  const { client } = await reach(flags);
  const marked = (await allClients(client)).filter((each) => !each.dpop_bound_access_tokens);
  return marked.map(({ client_id, name }) => `${name} (${client_id})`);
}

export async function addServer(flags: KeyFlags & { resource: string; scope?: string[]; org?: string }): Promise<void> {
  assertOneKey(flags);
  const resource = given('--resource', flags.resource, parseSecureUrl);
  const { client } = await reach(flags);
  const { scope, org } = flags;
  const optional = { ...(scope && { scopes: scope }), ...(org && { org }) };
  const added = await registerKey(flags, (jwk) => client.servers.add({ resource, jwk, ...optional }));
  print(flags.json === true, added, () => added.client_id);
}

export async function addGrant(
  flags: GlobalFlags & { client: string; resource: string; owner?: string; expiresIn?: string },
): Promise<void> {
  const life = flags.expiresIn === undefined ? {} : { expires_in: days(flags.expiresIn) * 86_400 };
  const { client } = await reach(flags);
  const grant = await client.grants.add({
    client_id: flags.client,
    resource: flags.resource,
    ...(flags.owner && { owner: flags.owner }),
    ...life,
  });
  print(flags.json === true, grant, () => grant.id);
}

/** `ls` of anything: the columns that exist. */
export async function list(kind: 'servers' | 'grants', columns: readonly string[], flags: GlobalFlags): Promise<void> {
  const { client } = await reach(flags);
  const { items } = await client[kind].list();
  const rows = items.map((item) => {
    const cells: ReadonlyMap<string, unknown> = new Map(Object.entries(item));
    return columns.map((name) => cell(cells.get(name)));
  });
  print(flags.json === true, items, () => table(columns, rows));
}

function cell(value: unknown): string {
  return value === undefined || value === null ? '' : String(value as string | number | readonly string[]);
}

export async function removeGrant(id: string, flags: GlobalFlags): Promise<void> {
  const { client } = await reach(flags);
  await client.grants.revoke(id);
  print(flags.json === true, { id, revoked: true }, () => 'revoked');
}

/** Has the authority publish its next signing key. */
export async function rotateKeys(flags: GlobalFlags): Promise<void> {
  const { client } = await reach(flags);
  const { kid, signs_from } = await client.rotateKeys();
  const at = new Date(signs_from * 1_000).toISOString();
  print(flags.json === true, { kid, signs_from }, () => `${kid} is published and signs from ${at}`);
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
    // The handle first: in a narrow window a line breaks further on, and what is copied is whole.
    const names = new Map(items.map(({ handle, name }) => [handle, name]));
    const rows = items.map((item) => [
      item.handle,
      item.captured_from === undefined
        ? item.name
        : `${item.name} (captured from ${names.get(item.captured_from) ?? '?'})`,
      item.status,
      item.allow.map((rule) => rule.origin).join(' '),
      item.owner,
    ]);
    return table(['handle', 'name', 'status', 'origin', 'owner'], rows);
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
  if (verb === 'get') {
    const stored = await client.connections.get(handle);
    print(flags.json === true, stored, () => JSON.stringify(readable(stored), null, 2));
    return;
  }
  const row = await client.connections[verb](handle);
  print(flags.json === true, row, () => `${row.name} is ${row.status}`);
}

/** What is stored, without ciphertext and statements: those are for programs to check, not for people to read. */
function readable(stored: StoredConnection): ConnectionView {
  const { envelope, seal_proof, endorsements, reseal, ...row } = stored;
  void [envelope, seal_proof, endorsements, reseal];
  return row;
}

/** Journal records as they were written, one JSON line each: `export` all there are, `tail` the last and then what comes. */
export async function audit(
  verb: 'tail' | 'export',
  flags: GlobalFlags & { follow?: boolean; lines?: string },
): Promise<void> {
  // Whoever follows ends it with Ctrl-C: an end with an exit code, whatever a shell makes of signals.
  process.on('SIGINT', () => process.exit(EXIT.interrupted));
  const count = wholeNumber(flags.lines ?? '20', '--lines', 0, 100_000);
  const { client } = await reach(flags);
  let after = 0;
  const last: string[] = [];
  for (;;) {
    // A page ends where the authority ends it, which may be long before the limit; only an empty one is the end.
    const { records, next } = await client.audit(after, PAGE);
    if (records.length === 0) break;
    if (verb === 'export') records.forEach(printRecord);
    else {
      last.push(...records);
      last.splice(0, last.length - count);
    }
    after = next;
  }
  last.splice(0).forEach(printRecord);
  while (verb === 'tail' && flags.follow === true) {
    const { records, next } = await client.audit(after, PAGE);
    records.forEach(printRecord);
    after = next;
    if (records.length === 0) await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
  }
}
