/**
 * `npm run demo`: the whole flow with real processes, then the attacks of a compromised MCP server, then a search of every
 * DAuth process's memory. Exits 0 only if every expectation held. This process plays the owner's hands: it holds the token.
 */
import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findSecret } from '../support/encodings.ts';
import { describeScan, isClean, scanMemory, startControl } from '../support/memscan.ts';
import { makeTempDir } from '../support/process.ts';
import { generateKey, postMcp, readClaims, signProof, stealToken } from '../world/proofs.ts';
import { startWorld, type McpClient, type World } from '../world/world.ts';
import { Show } from './show.ts';

const HELP = `npm run demo [-- --upstream URL]

  --upstream URL   send the calls to this API instead of the emulated GitHub; its token
                   comes from the variable DAUTH_DEMO_TOKEN, or is asked for (not shown)
`;

const { values } = parseArgs({ options: { upstream: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
if (values.help === true) {
  console.log(HELP);
  process.exit(0);
}

const show = new Show();
await using dir = await makeTempDir('dauth-demo-');
const real = await readReal(values.upstream);

show.title('Starting: upstream API, authority, executor, MCP server');
await using world = await startWorld({ dir: dir.path, ...(real === undefined ? {} : { real }) });
const token = Buffer.from(world.token);
const { ready } = world.stack;
show.fact('authority', `${ready.authority} (process ${ready.pids.authority})`);
show.fact('executor', `${ready.executor} (process ${ready.pids.executor})`);
show.fact('MCP server', `${world.resource} (process ${world.server.pid}), Octokit unchanged`);
show.fact('upstream', `${real?.origin ?? world.upstream.origin} over TLS, a process of its own`);

await seeWhatWasSealed(world);
const client = await useIt(world);
if (real === undefined) await attack(world, client);
else show.notChecked('attacks that need a hostile upstream', 'they run against the local one: npm run demo');
await searchMemory(world, client);
process.exitCode = show.end();

async function seeWhatWasSealed({ stack, handle }: World): Promise<void> {
  show.title("1. Sealed on the owner's side");
  const row = await stack.dauth<{
    name: string;
    kid: string;
    allow: { origin: string; methods: string[]; paths: string[] }[];
    servers: string[];
  }>(['connections', 'get', handle]);
  show.fact('handle', handle);
  show.fact('sealed to key', row.kid);
  show.fact(
    'may be sent to',
    row.allow.map((rule) => `${rule.methods.join(',')} ${rule.origin} ${rule.paths.join(' ')}`).join('; '),
  );
  show.fact('may be used by', row.servers.join(' '));
  show.title('2. What the database holds');
  const files = await readTree(join(stack.ready.data));
  show.fact('files searched', `${files.length}, ${files.reduce((sum, file) => sum + file.length, 0)} octets`);
  show.expect(
    'the token is in none of them, in no encoding',
    files.every((file) => findSecret(file, token).length === 0),
  );
  const planted = Buffer.concat([Buffer.from('x'), token]);
  show.expect('the search finds a planted token', findSecret(planted, token).length > 0, 'control');
}

async function useIt(at: World): Promise<McpClient> {
  show.title('3. A token for one server, one key, named connections');
  const { token: accessToken } = await stealToken(at);
  const claims = readClaims(accessToken);
  show.fact('aud', String(claims.aud));
  show.fact('bound to key', (claims.cnf as { jkt: string }).jkt);
  show.fact('lives', `${Number(claims.exp) - Number(claims.iat)} s`);
  show.fact('connections', JSON.stringify(claims.authorization_details));
  show.expect('the token holds no credential', findSecret(accessToken + JSON.stringify(claims), token).length === 0);

  show.title('4. The official MCP client calls tools');
  const connected = await at.client();
  show.fact('tools', (await connected.tools()).join(' '));
  const login = await connected.call('my_login');
  show.expect(
    'a tool with Octokit says who the token belongs to',
    real !== undefined ? login.length > 0 : login === at.upstream.login,
    login,
  );
  if (real === undefined) {
    const issue = JSON.parse(
      await connected.call('create_issue', { repo: 'hello-world', title: 'Nobody read the key' }),
    ) as { number: number };
    show.expect('a tool opened an issue', issue.number > 0, `#${issue.number}`);
    const { requests } = await at.upstream.wire();
    show.expect(
      'the upstream got the real credential',
      requests.some((request) => JSON.stringify(request).includes(at.token)),
      'it is meant for it',
    );
  }
  const legacy = await at.client({ era: 'legacy' });
  show.expect("a client of last year's protocol works too", (await legacy.call('my_login')).length > 0);
  await legacy.stop();
  return connected;
}

async function attack(at: World, connected: McpClient): Promise<void> {
  show.title('5. Now the MCP server belongs to an attacker');
  await connected.call('loot');
  const loot = await at.server.line((line) => line.startsWith('{"event":"loot"'), 60_000);
  show.fact(
    'dumped',
    `environment, arguments, headers, contexts, answers, heap snapshot: ${(loot.length / 1_048_576).toFixed(1)} MiB`,
  );
  show.expect('the token is nowhere in what it could dump', findSecret(loot, token).length === 0);
  show.expect('nor in its logs', findSecret(at.server.stderr(), token).length === 0);

  const other = await refusal(connected, { method: 'GET', url: 'https://localhost:1/user' });
  show.expect('another origin is refused', other === 'POLICY_DENIED', other);
  const raw = JSON.parse(
    await connected.call('raw', {
      path: '/user',
      method: 'GET',
      headers: JSON.stringify({ 'dauth-origin': 'https://localhost:1' }),
    }),
  ) as { status: number };
  show.expect('the executor asked without a proof answers nothing', raw.status === 401, String(raw.status));
  const method = await refusal(connected, { method: 'DELETE', url: `${at.upstream.origin}/repos/octocat/hello-world` });
  show.expect('a method that was not sealed is refused', method === 'POLICY_DENIED', method);

  const redirect = JSON.parse(
    await connected.call('call', { method: 'GET', url: `${at.upstream.origin}/redirect` }),
  ) as { status: number };
  show.expect('a redirect is handed back, not followed', redirect.status === 302, String(redirect.status));
  let clean = true;
  for (const as of [
    'body',
    'json',
    'headers',
    'reason',
    'base64',
    'base64url',
    'hex',
    'percent',
    'chunked',
    'halves',
    'gzip',
  ]) {
    const echoed = await connected.call('call', { method: 'GET', url: `${at.upstream.origin}/echo?as=${as}` });
    const found = findSecret(echoed, token);
    if (found.length > 0) show.fact('leaked', `${as}: ${found.join(' ')}`);
    clean &&= found.length === 0;
  }
  show.expect('an upstream that echoes the credential in eleven ways gives nothing away', clean);

  const { token: stolen, owner } = await stealToken(at);
  const thief = await generateKey();
  const withOwnKey = await signProof(thief, { method: 'POST', url: at.resource, accessToken: stolen });
  const replayed = await postMcp(at, { authorization: `DPoP ${stolen}`, dpop: withOwnKey });
  show.expect('a stolen token with another key is refused', replayed.status === 401, String(replayed.status));
  const proof = await signProof(owner, { method: 'POST', url: at.resource, accessToken: stolen });
  const first = await postMcp(at, { authorization: `DPoP ${stolen}`, dpop: proof });
  const second = await postMcp(at, { authorization: `DPoP ${stolen}`, dpop: proof });
  show.expect(
    'a proof is good once',
    first.status !== 401 && second.status === 401,
    `${first.status}, then ${second.status}`,
  );
  const bearer = await postMcp(at, { authorization: `Bearer ${stolen}` });
  show.expect('a bound token sent as Bearer is refused', bearer.status === 401, String(bearer.status));

  show.title('6. The owner revokes');
  await at.stack.dauth(['connections', 'suspend', at.handle]);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const suspended = await refusal(connected, { method: 'GET', url: `${at.upstream.origin}/user` });
  show.expect('one second later the connection does nothing', suspended === 'CONNECTION_SUSPENDED', suspended);
  await at.stack.dauth(['connections', 'resume', at.handle]);
}

async function refusal(connected: McpClient, call: { method: string; url: string }): Promise<string> {
  const { refused, status } = JSON.parse(await connected.call('call', call)) as { refused?: string; status?: number };
  return refused ?? `answered ${status}`;
}

async function searchMemory(at: World, connected: McpClient): Promise<void> {
  show.title('7. Searching the memory of every DAuth process, while they run');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const control = await startControl(token);
  const results = await scanMemory({
    secrets: [{ name: 'token', bytes: token }],
    processes: [
      { name: 'control (planted)', pid: control.pid },
      { name: 'authority', pid: ready.pids.authority },
      { name: 'executor', pid: ready.pids.executor },
      { name: 'MCP server', pid: at.server.pid },
      { name: 'MCP client', pid: connected.pid },
      { name: 'dauth start', pid: at.stack.process.pid },
    ],
  });
  await control.stop();
  for (const result of results) {
    if (result.state === 'NOT CHECKED') show.notChecked(result.name, result.reason);
    else if (result.name.startsWith('control')) show.expect('the planted control is found', !isClean(result));
    else show.expect(describeScan(result), isClean(result));
  }
  show.fact('exempt', 'the upstream (it is meant to have it), the scanner, and this process, which plays the owner');
  show.fact('ended', 'the process that sealed the token');
}

async function readTree(path: string): Promise<Buffer[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name))),
  );
}

async function readReal(origin: string | undefined): Promise<{ token: string; origin: string } | undefined> {
  if (origin === undefined) return undefined;
  const given = process.env.DAUTH_DEMO_TOKEN;
  if (given !== undefined) return { token: given, origin: new URL(origin).origin };
  if (!process.stdin.isTTY) throw new Error('Set DAUTH_DEMO_TOKEN to the token for --upstream.');
  process.stdout.write('Token (not shown): ');
  spawnSync('stty', ['-echo'], { stdio: 'inherit' });
  const chunk = await new Promise<Buffer>((resolve) => process.stdin.once('data', resolve));
  spawnSync('stty', ['echo'], { stdio: 'inherit' });
  process.stdin.pause();
  return { token: chunk.toString('utf8').trim(), origin: new URL(origin).origin };
}
