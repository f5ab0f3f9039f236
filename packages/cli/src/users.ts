/** People: invites them and lists them. A password is never typed here: whoever is invited chooses it, on the authority's page. */
import type { UserView } from '@dauth/client';
import { print, say, table } from './output.ts';
import { reach, type GlobalFlags } from './reach.ts';

export async function addUser(
  flags: GlobalFlags & { login: string; name?: string; email?: string; owner?: string; org?: string },
): Promise<void> {
  const { client } = await reach(flags);
  const { login, name, email, owner, org } = flags;
  const optional = { ...(name && { name }), ...(email && { email }), ...(owner && { owner }), ...(org && { org }) };
  const invited = await client.users.add({ login, ...optional });
  if (flags.json !== true) {
    const until = new Date(invited.expires_at * 1_000).toISOString().slice(0, 10);
    say(`Pass this code on to ${invited.login}, who chooses a password at ${invited.url} before ${until}:`);
  }
  print(flags.json === true, invited, () => invited.code);
}

export async function listUsers(flags: GlobalFlags): Promise<void> {
  const { client } = await reach(flags);
  const items: UserView[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.users.list(cursor);
    items.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  const rows = items.map((user) => [user.login, user.name ?? '', user.email ?? '', user.role, user.sub]);
  print(flags.json === true, items, () => table(['login', 'name', 'email', 'role', 'owner'], rows));
}
