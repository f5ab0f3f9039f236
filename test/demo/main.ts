/**
 * `npm run demo`: the whole flow with real processes, then the attacks of a compromised MCP server, then a search of every
 * DAuth process's memory. Exits 0 only if every expectation held. This process plays the owner's hands: it holds the token.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeTempDir } from '../support/process.ts';
import { startWorld, type World } from '../world/world.ts';
import { attackTokens, attackUpstream, lootServer, revoke } from './attack.ts';
import { showSealed, showToken, useTools } from './flow.ts';
import { searchMemory } from './memory.ts';
import { HELP, isLoopback, readReal, type Real } from './real.ts';
import { Show } from './show.ts';

const options = {
  upstream: { type: 'string' },
  'upstream-ca': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

try {
  const { values } = parseArgs({ options });
  if (values.help === true) console.log(HELP);
  else process.exitCode = await demo(await readReal(values.upstream, values['upstream-ca']));
} catch (error) {
  console.error(`The demo stopped: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function demo(real: Real | undefined): Promise<number> {
  const show = new Show();
  await using dir = await makeTempDir('dauth-demo-');
  show.title('Starting: upstream API, authority, executor, MCP server');
  const upstream = real === undefined ? {} : { ca: real.ca, loopback: isLoopback(real.url) };
  const at = { dir: join(dir.path, 'stack'), upstream, ...(real === undefined ? {} : { real }) };
  // Only what the emulated API is asked for below: narrower than the origin, so that there is something to attack.
  const paths = ['/user', '/repos/**', '/echo', '/redirect'].flatMap((path) => ['--path', path]);
  const narrow = ['--method', 'GET', '--method', 'POST', ...(real === undefined ? paths : [])];
  await using world = await startWorld({ ...at, connect: narrow });
  introduce(show, world, real);

  await showSealed(show, world);
  await showToken(show, world);
  const { modern, legacy } = await useTools(show, world, real !== undefined);

  show.title('5. Now the MCP server belongs to an attacker');
  await lootServer(show, world, modern);
  await attackTokens(show, world, modern);
  if (real === undefined) await attackUpstream(show, world, modern);
  else {
    show.fact('hostile upstream', 'yours is not: these steps run in a second stack, against the local one');
    await using local = await startWorld({ dir: join(dir.path, 'local'), connect: ['--method', 'GET', ...paths] });
    await attackUpstream(show, local, await local.client());
  }
  await revoke(show, world, modern);
  await searchMemory(show, world, [
    { name: 'MCP client', pid: modern.pid },
    { name: "MCP client of last year's protocol", pid: legacy.pid },
  ]);
  return show.end();
}

function introduce(show: Show, { stack, resource, server, upstream }: World, real: Real | undefined): void {
  const { authority, executor, pids } = stack.ready;
  show.fact('authority', `${authority} (process ${pids.authority})`);
  show.fact('executor', `${executor} (process ${pids.executor})`);
  show.fact('MCP server', `${resource} (process ${server.pid}), Octokit unchanged`);
  show.fact('upstream', `${real?.url ?? `${upstream.origin} (process ${upstream.pid})`}, over TLS`);
}
