/** `dauth serve authority|executor --config FILE`: one room alone, for real deployments; every address is explicit. */
import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { assertFileAlone, checkEnvironment } from './environment.ts';
import { EXIT, usage } from './output.ts';
import { startRoom, type Room, type RoomPaths } from './rooms.ts';

/** The file holds the room's own configuration (docs/configuration.md "One room alone"), which the room checks itself. */
export async function serve(room: string, file: string, rooms: RoomPaths): Promise<number> {
  if (room !== 'authority' && room !== 'executor') throw usage('Serve either "authority" or "executor".');
  checkEnvironment(process.env, `serve ${room} --config FILE`);
  assertFileAlone(process.env);
  let config: unknown;
  try {
    config = parseYaml(readFileSync(file, 'utf8'), { uniqueKeys: true, maxAliasCount: 0 });
  } catch {
    throw usage('The configuration file cannot be read as YAML or JSON.');
  }
  // Before the room starts: whoever reads the line below may ask it to stop in the same moment.
  let started: Room | undefined;
  let isAsked = false;
  const ask = (): void => {
    isAsked = true;
    started?.process.kill('SIGTERM');
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, ask);
  started = await startRoom(room, rooms[room], (config ?? {}) as object);
  if (isAsked) ask();
  process.stdout.write(`${JSON.stringify(started.listening)}\n`);
  const code = await started.ended;
  return code === 0 ? EXIT.ok : EXIT.unexpected;
}
