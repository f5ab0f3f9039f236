/**
 * A real PostgreSQL for tests, on this machine, under the name `localhost`: TLS by the test CA, roles by SCRAM and by MD5.
 * Knows nothing of DAuth. Where there is none it says so; nothing stands in for it.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Leaf } from './ca.ts';
import { freePort } from './process.ts';

const DEBIAN = '/usr/lib/postgresql';
/** Where no user has that name. */
const NOBODY = 65_534;

/** The directory of its programs, if there is one on this machine. */
export function findPostgres(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : [];
  const onPath = (process.env.PATH ?? '').split(':');
  return [...versions.map((version) => join(DEBIAN, version, 'bin')), ...onPath].find((directory) =>
    ['initdb', 'postgres'].every((program) => existsSync(join(directory, program))),
  );
}

/** Why the tests that need it skip, also in CI: not every machine can install it. */
export function whyNoPostgres(): string | false {
  const programs = findPostgres();
  if (programs === undefined) return 'NOT CHECKED: PostgreSQL is not installed';
  const probe = spawnSync(join(programs, 'postgres'), ['--version'], { ...whoRunsIt(), cwd: '/' });
  return probe.status === 0 ? false : 'NOT CHECKED: PostgreSQL cannot be run here as anybody but root';
}

export interface Role {
  readonly name: string;
  readonly password: string;
  readonly auth: 'scram-sha-256' | 'md5';
}

export interface Postgres extends AsyncDisposable {
  readonly origin: string;
  /** Its major version. */
  readonly version: number;
  /** A statement as its superuser, past everything. */
  admin(sql: string): Promise<readonly Record<string, unknown>[]>;
}

/** PostgreSQL refuses to run as root; whoever is root runs it as somebody else. */
function whoRunsIt(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number =>
    Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout?.trim()) || NOBODY;
  return { uid: id('-u'), gid: id('-g') };
}

export async function startPostgres(leaf: Leaf, roles: readonly Role[]): Promise<Postgres> {
  const programs = findPostgres()!;
  const who = whoRunsIt();
  // Short: the path of a Unix socket has a hundred characters or so.
  const directory = await mkdtemp('/tmp/dauth-pg-');
  const data = join(directory, 'data');
  await mkdir(data, { mode: 0o700 });
  if (who !== undefined) for (const path of [directory, data]) await chown(path, who.uid, who.gid);
  const made = spawnSync(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'root', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
    { ...who, encoding: 'utf8', cwd: directory },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const hba = roles.map(({ name, auth }) => `hostssl all ${name} samehost ${auth}`);
  const files: Readonly<Record<string, string>> = {
    'server.crt': leaf.cert,
    'server.key': leaf.key,
    'pg_hba.conf': ['local all root trust', ...hba, ''].join('\n'),
  };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(data, name), content);
    await chmod(join(data, name), 0o600);
    if (who !== undefined) await chown(join(data, name), who.uid, who.gid);
  }
  const port = await freePort();
  const settings = {
    ...{ port: `${port}`, listen_addresses: 'localhost', unix_socket_directories: directory },
    ...{ ssl: 'on', fsync: 'off', max_connections: '30' },
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(join(programs, 'postgres'), ['-D', data, ...flags], { ...who, cwd: directory, stdio: 'ignore' });
  const admin = async (sql: string): Promise<readonly Record<string, unknown>[]> => {
    const client = new pg.Client({ host: directory, port, user: 'root', database: 'postgres', ssl: false });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const stop = async (): Promise<void> => {
    await ended(server);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await ready(server, () => admin('SELECT 1'));
    for (const { name, password, auth } of roles) {
      await admin(`SET password_encryption = '${auth}'; CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const [{ v }] = (await admin("SELECT split_part(current_setting('server_version'), '.', 1) AS v")) as [{ v: string }];
  return {
    origin: `postgres://localhost:${port}`,
    version: Number.parseInt(v, 10),
    admin,
    [Symbol.asyncDispose]: stop,
  };
}

async function ready(server: ChildProcess, ask: () => Promise<unknown>): Promise<void> {
  for (const end = Date.now() + 60_000; ;) {
    try {
      return void (await ask());
    } catch (error) {
      if (server.exitCode !== null || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** SIGINT is its fast shutdown: it ends the sessions there are. */
async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const exit = once(server, 'exit');
  server.kill('SIGINT');
  await exit;
}
