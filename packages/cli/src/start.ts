/**
 * `dauth start`: authority and executor as two processes, and one ready line. Executor first: its identity is pinned before
 * anything trusts it. Never starts two stacks on one directory, and never with TLS checks switched off.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadConfig, type StackConfig } from './config.ts';
import { checkEnvironment } from './environment.ts';
import { writeDurably } from './files.ts';
import { lockHome, makeHome, openHome, type Home } from './home.ts';
import { generateKeyFile, readPublicJwk } from './key-file.ts';
import { OPERATOR } from './reach.ts';
import { CliError, EXIT, say, sayBold, usage } from './output.ts';
import { freePorts, startRoom, type Room, type RoomPaths } from './rooms.ts';

export interface StartFlags {
  readonly data?: string;
  readonly port?: string;
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const DEFAULT_PORT = 4180;
const READY_MS = 15_000;

/** Runs until a signal or a dead room. @returns the exit code */
export async function start(flags: StartFlags, rooms: RoomPaths): Promise<number> {
  const { config } = loadConfig(flags.config, process.env);
  checkEnvironment(process.env, 'start');
  const home = openHome(flags.data);
  makeHome(home);
  const unlock = lockHome(home);
  try {
    return await run(flags, config, home, rooms);
  } finally {
    unlock();
  }
}

async function run(flags: StartFlags, config: StackConfig, home: Home, paths: RoomPaths): Promise<number> {
  const plan = await makePlan(flags, config);
  if (config.authority.outside.dangerouslyAllowLoopback)
    say('DEVELOPMENT: the authority takes documents from this machine too; nobody should rely on its tokens.');
  const stopped = listenForStop();
  if (!existsSync(home.operatorKey)) await generateKeyFile(home.operatorKey, OPERATOR);
  // A person reads a banner; lines of JSON go to files beside the data. A script gets them on stderr.
  const logs = process.stderr.isTTY && flags.json !== true ? home.dir : undefined;
  const running: Room[] = [];
  try {
    const executor = await startRoom('executor', paths.executor, executorConfig(config, plan, home), logs);
    running.push(executor);
    const identity = pinExecutor(home, String(executor.listening.identity));
    const authority = await startRoom(
      'authority',
      paths.authority,
      authorityConfig(config, plan, home, identity),
      logs,
    );
    running.push(authority);
    await Promise.all([waitReady(plan.issuer, 'authority'), waitReady(plan.resource, 'executor')]);
    const pids = { authority: authority.pid, executor: executor.pid };
    const ready = {
      event: 'ready',
      authority: plan.issuer,
      executor: plan.resource,
      data: home.dir,
      pids,
      executor_identity: identity,
      ...firstRunOf(authority),
    };
    const { issuer, resource } = plan;
    const database = resolve(databaseOf(config, home).replace(/^sqlite:/, ''));
    writeDurably(home.stackFile, JSON.stringify({ authority: issuer, executor: resource, database }), 0o600);
    if (flags.json === true) process.stdout.write(`${JSON.stringify(ready)}\n`);
    else if (flags.quiet !== true) banner(ready, String(executor.listening.level), logs);
    if (executor.listening.rules !== undefined && flags.quiet !== true)
      say(`The executor's operator rules are in force: ${JSON.stringify(executor.listening.rules)}`);
    // Said whatever else is quiet: who steals one of their tokens has it.
    for (const name of (authority.listening.bearer_clients ?? []) as readonly string[])
      say(`Bearer: the tokens of ${name} work for whoever has them.`);
    const dead = Promise.race(running.map(async (room) => ({ room, code: await room.ended })));
    const end = await Promise.race([stopped.then(() => undefined), dead]);
    if (end === undefined) return EXIT.ok;
    say(`The ${end.room.name} ended (exit code ${end.code}); stopping the rest.`);
    return EXIT.unexpected;
  } finally {
    await stopAll(running);
  }
}

interface Plan {
  readonly issuer: string;
  readonly resource: string;
  readonly authorityListen: { readonly host: string; readonly port: number };
  readonly executorListen: { readonly host: string; readonly port: number };
}

async function makePlan(flags: StartFlags, config: StackConfig): Promise<Plan> {
  const port = flags.port === undefined ? DEFAULT_PORT : Number(flags.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_534) throw usage('--port is a number from 0 to 65534.');
  const ports = port === 0 ? await freePorts() : ([port, port + 1] as const);
  const authorityListen =
    flags.port === undefined && config.authority.listen !== undefined
      ? parseListen(config.authority.listen)
      : { host: '127.0.0.1', port: ports[0] };
  const executorListen =
    flags.port === undefined && config.executor.listen !== undefined
      ? parseListen(config.executor.listen)
      : { host: '127.0.0.1', port: ports[1] };
  return {
    issuer: config.authority.issuer ?? `http://127.0.0.1:${authorityListen.port}`,
    resource: config.executor.resource ?? `http://127.0.0.1:${executorListen.port}`,
    authorityListen,
    executorListen,
  };
}

function parseListen(value: string): { host: string; port: number } {
  const colon = value.lastIndexOf(':');
  return { host: value.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(value.slice(colon + 1)) };
}

function executorConfig(config: StackConfig, plan: Plan, home: Home): object {
  const { metrics, upstream, freshnessMs, acceptRevision, limits, rules } = config.executor;
  return {
    ...{
      listen: plan.executorListen,
      resource: plan.resource,
      issuer: plan.issuer,
      data: join(home.dir, 'executor'),
      upstream,
    },
    ...(metrics === undefined ? {} : { metrics: parseListen(metrics) }),
    ...(freshnessMs === undefined ? {} : { freshnessMs }),
    ...(acceptRevision === undefined ? {} : { acceptRevision }),
    ...(limits === undefined ? {} : { limits }),
    ...(rules === undefined ? {} : { rules }),
  };
}

function authorityConfig(config: StackConfig, plan: Plan, home: Home, identity: string): object {
  const { metrics, keys, bearerException, accessTokenSeconds, dispatchTokenSeconds, outside, clients, trustedIssuers } =
    config.authority;
  return {
    ...{ issuer: plan.issuer, listen: plan.authorityListen, executor: { resource: plan.resource, identity } },
    ...(metrics === undefined ? {} : { metrics: parseListen(metrics) }),
    ...{ database: databaseOf(config, home), outside, clients },
    ...(trustedIssuers === undefined ? {} : { trustedIssuers }),
    operator: { jwk: readPublicJwk(home.operatorKey) },
    firstRun: true,
    keys,
    ...(bearerException === undefined ? {} : { bearerException }),
    lifetimes: {
      ...(accessTokenSeconds === undefined ? {} : { accessToken: accessTokenSeconds }),
      ...(dispatchTokenSeconds === undefined ? {} : { dispatchToken: dispatchTokenSeconds }),
    },
  };
}

/** The one-time code for the first person, while there is nobody: shown to whoever started the stack, and kept nowhere. */
function firstRunOf({ listening }: Room): { first_run?: { url: string; code: string } } {
  const { first_run: first } = listening;
  return typeof first === 'object' && first !== null ? { first_run: first as { url: string; code: string } } : {};
}

function databaseOf(config: StackConfig, home: Home): string {
  return config.authority.database ?? `sqlite:${join(home.dir, 'authority', 'authority.db')}`;
}

/** First start: remembered. Later: compared. A new identity is the operator's decision, not the executor's. */
function pinExecutor(home: Home, identity: string): string {
  if (!existsSync(home.executorPin)) writeDurably(home.executorPin, `${identity}\n`, 0o600);
  else if (readFileSync(home.executorPin, 'utf8').trim() !== identity) {
    throw new CliError(
      EXIT.integrity,
      'EXECUTOR_CHANGED',
      'The executor has another identity than the one pinned here; its keys were replaced or lost.',
      'If that was you, remove executor.pin and have every credential sealed again.',
    );
  }
  return identity;
}

/** Looks until `/readyz` says yes, or the time is over. */
async function waitReady(base: string, name: string): Promise<void> {
  const end = Date.now() + READY_MS;
  for (;;) {
    const ready = await fetch(`${base}/readyz`, { signal: AbortSignal.timeout(2_000) }).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    if (Date.now() > end) throw new CliError(EXIT.timeout, 'NOT_READY', `The ${name} did not become ready in time.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function banner(
  ready: {
    authority: string;
    executor: string;
    data: string;
    executor_identity: string;
    first_run?: { url: string; code: string };
  },
  level: string,
  logs: string | undefined,
): void {
  const words: Record<string, string> = {
    development: 'DEVELOPMENT: a dangerous switch is on; do not seal real credentials here',
    software: 'software isolation: no hardware root; root, or any program of this user, can read the opening key',
  };
  const lines = [
    ['authority', ready.authority],
    ['executor', ready.executor],
    ['identity', ready.executor_identity],
    ['data', ready.data],
    ['isolation', words[level] ?? level],
    ...(Number(process.versions.node.split('.')[0]) < 22
      ? [['node', `${process.version} is past its end of life; 24 is recommended`]]
      : []),
    ...(logs === undefined ? [] : [['logs', join(logs, '*.log')]]),
    ...(ready.first_run === undefined
      ? []
      : [
          ['sign in', ready.first_run.url],
          ['code', `${ready.first_run.code} (once, within a day)`],
        ]),
    ['next', `${called()} servers add --resource URL --generate mcp-server.jwk`],
    ['stop', 'Ctrl-C'],
  ];
  sayBold('DAuth is running');
  for (const [label, value] of lines) say(`  ${label!.padEnd(10)} ${value}`);
}

/** In a clone, where `npm start` is typed, nothing of ours is on the path. */
function called(): string {
  return process.env.npm_lifecycle_event === undefined ? 'dauth' : 'npx --no dauth';
}

function listenForStop(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (): void => {
      if (asked) process.exit(EXIT.interrupted);
      asked = true;
      resolve();
    };
    process.on('SIGTERM', ask);
    process.on('SIGINT', ask);
  });
}

/** The executor first, while the authority still takes the end of its journal. */
async function stopAll(rooms: readonly Room[]): Promise<void> {
  for (const room of rooms) {
    room.process.kill('SIGTERM');
    await Promise.race([room.ended, new Promise((resolve) => setTimeout(resolve, 10_000).unref())]);
    room.process.kill('SIGKILL');
  }
}
