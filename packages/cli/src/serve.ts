/** `dauth serve authority|executor --config FILE`: one room alone, for real deployments; every address is explicit. */
import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { EXIT, usage } from './output.ts';
import { startRoom, type RoomPaths } from './rooms.ts';

/** The file holds the room's own configuration (docs/configuration.md "One room alone"), which the room checks itself. */
export async function serve(room: string, file: string, rooms: RoomPaths): Promise<number> {
  if (room !== 'authority' && room !== 'executor') throw usage('Serve either "authority" or "executor".');
  let config: unknown;
  try {
    config = parseYaml(readFileSync(file, 'utf8'), { uniqueKeys: true, maxAliasCount: 0 });
  } catch {
    throw usage('The configuration file cannot be read as YAML or JSON.');
  }
  const started = await startRoom(room, rooms[room], (config ?? {}) as object);
  process.stdout.write(`${JSON.stringify(started.listening)}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => started.process.kill('SIGTERM'));
  const code = await started.ended;
  return code === 0 ? EXIT.ok : EXIT.unexpected;
}
