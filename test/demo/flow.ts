/** The demo's first half: what was sealed, what is stored, what the token says, what the server saw, what came back. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findSecret } from '../support/encodings.ts';
import { readClaims, readStored, stealToken } from '../world/proofs.ts';
import type { McpClient, World } from '../world/world.ts';
import type { Show } from './show.ts';

interface SealedPolicy {
  readonly servers: readonly string[];
  readonly allow: readonly { readonly origin: string; readonly methods: string[]; readonly paths: string[] }[];
  readonly inject: readonly object[];
}

export async function showSealed(show: Show, at: World): Promise<void> {
  const { stack, handle, token } = at;
  show.title("1. Sealed on the owner's side: the credential, and with it the policy of its use");
  const row = await readStored(at);
  const [header, encapsulated, , ciphertext] = row.envelope.split('.');
  const sealed = JSON.parse(Buffer.from(header!, 'base64url').toString('utf8')) as { kid: string; dauth: SealedPolicy };
  const { servers, allow, inject } = sealed.dauth;
  show.fact('handle', handle);
  show.fact('sealed to key', sealed.kid);
  for (const rule of allow)
    show.fact('may be sent to', `${rule.methods.join(',')} ${rule.origin} ${rule.paths.join(' ')}`);
  show.fact('in this place', JSON.stringify(inject));
  show.fact('may be used by', servers.join(' '));

  show.title('2. What the database holds');
  show.fact('row', `${row.name}, ${row.status}, version ${row.ver}`);
  show.fact('key share', `${encapsulated!.slice(0, 44)} …`);
  show.fact('ciphertext', `${ciphertext!.slice(0, 44)} … (${ciphertext!.length} characters)`);
  const secret = Buffer.from(token);
  const files = await readTree(stack.ready.data);
  const octets = files.reduce((sum, file) => sum + file.length, 0);
  show.expect(
    `the token is in none of the stack's ${files.length} files (${octets} octets), in no encoding`,
    files.every((file) => findSecret(file, secret).length === 0),
  );
  const planted = Buffer.concat([Buffer.from('x'), secret]);
  show.expect('the search finds a planted token', findSecret(planted, secret).length > 0, 'control');
}

export async function showToken(show: Show, at: World): Promise<void> {
  show.title('3. A token for one server, one key, named connections');
  const { token } = await stealToken(at);
  const claims = readClaims(token);
  show.fact('aud', String(claims.aud));
  show.fact('bound to key', (claims.cnf as { jkt: string }).jkt);
  show.fact('lives', `${Number(claims.exp) - Number(claims.iat)} s`);
  for (const detail of claims.authorization_details as object[]) show.fact('connection', JSON.stringify(detail));
  const isClean = findSecret(token + JSON.stringify(claims), Buffer.from(at.token)).length === 0;
  show.expect('the token holds no credential', isClean);
}

/** @param isReal then nothing is written, and whose login it is nobody knows before */
export async function useTools(
  show: Show,
  at: World,
  isReal: boolean,
): Promise<{ modern: McpClient; legacy: McpClient }> {
  show.title('4. The official MCP client calls tools');
  const modern = await at.client();
  show.fact('tools', (await modern.tools()).join(' '));
  const login = await modern.call('my_login');
  show.expect(
    'a tool with Octokit says who the token belongs to',
    isReal ? login.length > 0 : login === at.upstream.login,
    login,
  );
  const seen = JSON.parse(await modern.call('seen')) as { headers: string[]; connections: Record<string, string> };
  for (let i = 0; i < seen.headers.length; i += 2)
    show.fact('the server saw', `${seen.headers[i]}: ${seen.headers[i + 1]!.slice(0, 40)} …`);
  for (const [name, handle] of Object.entries(seen.connections)) show.fact('and a name', `${name} → ${handle}`);
  if (!isReal) {
    const args = { repo: 'hello-world', title: 'Nobody read the key' };
    const issue = JSON.parse(await modern.call('create_issue', args)) as { number: number; title: string };
    show.expect('a tool opened an issue', issue.number > 0, `#${issue.number} ${issue.title}`);
    const { requests } = await at.upstream.wire();
    const isThere = requests.some((request) => JSON.stringify(request).includes(at.token));
    show.expect('the upstream got the real credential', isThere, 'it is meant for it');
  }
  const legacy = await at.client({ era: 'legacy' });
  show.expect("a client of last year's protocol works too", (await legacy.call('my_login')).length > 0);
  return { modern, legacy };
}

async function readTree(path: string): Promise<Buffer[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name))),
  );
}
