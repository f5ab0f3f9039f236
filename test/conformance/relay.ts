/** A client of this process for the conformance suite, which starts a process per scenario: those of `relay-main.ts` ask here. */
import { once } from 'node:events';
import { createServer, setDefaultAutoSelectFamilyAttemptTimeout, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { makeTempDir } from '../support/process.ts';
import type { Told } from './host.ts';

const RELAY = fileURLToPath(new URL('relay-main.js', import.meta.url));

export interface Relay extends AsyncDisposable {
  /** For the suite's `--command`. */
  readonly command: string;
  /** What the client threw, by scenario. */
  readonly thrown: ReadonlyMap<string, string>;
}

/** @param use what a client does; ended by its signal where the suite lost patience with it */
export async function serveRelay(use: (told: Told, gone: AbortSignal) => Promise<void>): Promise<Relay> {
  // The suite listens on `localhost`: which of its addresses answers is found out with patience, however busy the machine is.
  setDefaultAutoSelectFamilyAttemptTimeout(30_000);
  const dir = await makeTempDir('dauth-relay-');
  const path = join(dir.path, 'socket');
  const thrown = new Map<string, string>();
  const answer = async (socket: Socket): Promise<void> => {
    const gone = new AbortController();
    socket.on('error', () => undefined).on('close', () => gone.abort());
    for await (const line of createInterface({ input: socket })) {
      const told = JSON.parse(line) as Told;
      const said = await use(told, gone.signal).then(
        () => 'done',
        (error: unknown) => {
          thrown.set(told.scenario, String(error));
          return String(error);
        },
      );
      socket.end(said);
    }
  };
  const server = createServer((socket) => void answer(socket)).listen(path);
  await once(server, 'listening');
  return {
    command: `${process.execPath} ${RELAY} ${path}`,
    thrown,
    async [Symbol.asyncDispose]() {
      server.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}
