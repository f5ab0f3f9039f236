/** The demo's second half: the MCP server belongs to an attacker, who tries everything; then the owner revokes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { findSecret } from '../support/encodings.ts';
import { generateKey, postMcp, signProof, stealToken } from '../world/proofs.ts';
import { OTHER_ORIGIN, type McpClient, type World } from '../world/world.ts';
import type { Show } from './show.ts';

const ECHOES = [
  ...['body', 'json', 'headers', 'reason', 'base64', 'base64url'],
  ...['hex', 'percent', 'chunked', 'halves', 'gzip'],
];

/** Everything this process could hand to somebody else. */
export async function lootServer(show: Show, at: World, client: McpClient): Promise<void> {
  const secret = Buffer.from(at.token);
  await client.call('loot');
  const loot = await at.server.line((line) => line.startsWith('{"event":"loot"'));
  const size = `${(loot.length / 1_048_576).toFixed(1)} MiB`;
  show.fact('dumped', `environment, arguments, headers, contexts, answers, what it sent, heap snapshot: ${size}`);
  show.expect('the dump holds what the server does know', loot.includes(at.handle), 'control');
  show.expect('the token is nowhere in what it could dump', findSecret(loot, secret).length === 0);
  show.expect('nor in its logs', findSecret(at.server.stderr(), secret).length === 0);
}

/** What a thief of the server's key, tokens and proofs can do with them. */
export async function attackTokens(show: Show, at: World, client: McpClient): Promise<void> {
  const own = await outcome(client, 'raw', { method: 'GET', path: '/user', origin: new URL(at.apiUrl).origin });
  show.expect('with its own key and a live call it reaches what was sealed', own === '200', `${own}, control`);
  const other = await outcome(client, 'raw', { method: 'GET', path: '/user', origin: OTHER_ORIGIN });
  show.expect('the executor refuses another origin', other === 'POLICY_DENIED', other);
  const method = await outcome(client, 'raw', { method: 'DELETE', path: '/user', origin: new URL(at.apiUrl).origin });
  show.expect('and a method that was not sealed', method === 'POLICY_DENIED', method);

  const { token: stolen, owner } = await stealToken(at);
  const thief = await generateKey();
  const call = { method: 'POST', url: at.resource, accessToken: stolen };
  const replayed = await postMcp(at, { authorization: `DPoP ${stolen}`, dpop: await signProof(thief, call) });
  show.expect('a stolen token with another key is refused', replayed.status === 401, String(replayed.status));
  const once = { authorization: `DPoP ${stolen}`, dpop: await signProof(owner, call) };
  const first = await postMcp(at, once);
  const second = await postMcp(at, once);
  const statuses = `${first.status}, then ${second.status}`;
  show.expect('a proof is good once', first.status === 200 && second.status === 401, statuses);
  const bearer = await postMcp(at, { authorization: `Bearer ${stolen}` });
  show.expect('a bound token sent as Bearer is refused', bearer.status === 401, String(bearer.status));
}

/** An upstream that works for the attacker: it redirects, and it echoes the credential in every spelling. */
export async function attackUpstream(show: Show, at: World, client: McpClient): Promise<void> {
  const { origin } = at.upstream;
  const redirect = JSON.parse(await client.call('call', { method: 'GET', url: `${origin}/redirect` })) as Answer;
  show.expect('a redirect is handed back, not followed', redirect.status === 302, String(redirect.status));
  const location = new Map(JSON.parse(redirect.headers ?? '[]') as [string, string][]).get('location') ?? '';
  const followed = await outcome(client, 'call', { method: 'GET', url: location });
  show.expect('going where it points is refused', followed === 'POLICY_DENIED', location);
  const path = await outcome(client, 'raw', { method: 'GET', path: '/user/emails', origin });
  show.expect('a path that was not sealed is refused', path === 'POLICY_DENIED', path);
  const leaks: string[] = [];
  for (const as of ECHOES) {
    const echoed = await client.call('call', { method: 'GET', url: `${origin}/echo?as=${as}` });
    leaks.push(...findSecret(echoed, Buffer.from(at.token)).map((encoding) => `${as} as ${encoding}`));
  }
  const isSent = (await at.upstream.wire()).requests.at(-1)?.target.includes(`as=${ECHOES.at(-1)}`) === true;
  show.expect('the echoing upstream was really called', isSent, 'control');
  const what = `an upstream that echoes the credential in ${ECHOES.length} ways gives nothing away`;
  show.expect(what, leaks.length === 0, leaks.join('; '));
}

export async function revoke(show: Show, at: World, client: McpClient): Promise<void> {
  show.title('6. The owner takes it back');
  const call = { method: 'GET', url: `${at.apiUrl}/user` };
  await at.stack.dauth(['connections', 'suspend', at.handle]);
  await sleep(1_000);
  const suspended = await outcome(client, 'call', call);
  show.expect('one second later the connection does nothing', suspended === 'CONNECTION_SUSPENDED', suspended);
  await at.stack.dauth(['connections', 'resume', at.handle]);
  await sleep(1_000);
  const resumed = await outcome(client, 'call', call);
  show.expect('resumed, it works again', resumed === '200', resumed);
}

interface Answer {
  readonly refused?: string;
  readonly status?: number;
  readonly headers?: string;
}

/** The code a call was refused with, or the status of its answer. */
async function outcome(client: McpClient, tool: string, args: Record<string, unknown>): Promise<string> {
  const { refused, status } = JSON.parse(await client.call(tool, args)) as Answer;
  return refused ?? String(status);
}
