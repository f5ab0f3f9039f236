/**
 * The authority as a process: reads its configuration, opens its store, listens, says so in one line, drains on SIGTERM.
 * Never holds an opening key, and never starts with a configuration that contradicts itself.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { tendKeys } from './api/keys.ts';
import { createAuthority, type AuthorityParts } from './app.ts';
import { parseConfig, type AuthorityConfig } from './config.ts';
import { DirectoryMirror } from './executor/mirror.ts';
import { tendChanges } from './executor/status.ts';
import { loadKeyRing } from './keys.ts';
import { placeOf, stderrLog } from './log.ts';
import { Metrics, metricsApp } from './metrics.ts';
import { makeNonces } from './oauth/nonce.ts';
import { openOutside, wayOutside } from './outside/open.ts';
import { INVITE_PATH, offerFirstRun } from './people/invite.ts';
import { listen, type Served } from './serve.ts';
import { mayBeUnbound } from './oauth/client-auth.ts';
import { openStore } from './store/store.ts';

const GRACE_MS = 5_000;
/** How often signing keys, and the log of changes, are looked after. */
const TEND_MS = 30_000;
const NONCE_KEY_OCTETS = 32;
const EXIT_CONFIG = 2;
const EXIT_FAILED = 1;
/** Whoever starts this tells an address in use from the rest (docs/cli.md). */
const EXIT_CONFLICT = 8;
const unixNow = (): number => Math.floor(Date.now() / 1_000);

// Database, journal files and key are nobody else's on this machine.
process.umask(0o077);
try {
  await start(readConfig());
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') stop(EXIT_FAILED, error);
  stop(EXIT_CONFLICT, new Error('An address to listen on is in use already.', { cause: error }));
}

async function start(config: AuthorityConfig): Promise<void> {
  const path = config.database.slice('sqlite:'.length);
  const store = await openStore(path, unixNow);
  const key = loadKeyRing(join(dirname(path), 'signing.jwk'), { ...config.keys, now: unixNow });
  const outside = openOutside(wayOutside(config.outside, () => performance.now()));
  const metrics = new Metrics();
  const stderr = stderrLog(() => Date.now());
  process.on('exit', stderr.flush);
  const log = metrics.watch(stderr.log);
  const closing = new AbortController();
  const answered = metrics.answered.bind(metrics);
  const directory = new DirectoryMirror({ ...config.executor, fetch, now: unixNow });
  const authority: AuthorityParts = {
    ...{ config, key, store, directory, log, fetch, outside, nonces: makeNonces(randomBytes(NONCE_KEY_OCTETS)) },
    ...{ now: unixNow, newId: randomUUID, closing: closing.signal, answered },
  };
  if (config.outside.dangerouslyAllowLoopback) log({ event: 'dangerous', switch: 'outside.dangerouslyAllowLoopback' });
  const app = createAuthority(authority);
  const tend = (): void => {
    tendKeys(authority);
    tendChanges(authority, performance.now());
  };
  tend();
  const tending = setInterval(tend, TEND_MS);
  const server = await listen(app, { ...config.listen, newId: randomUUID, closing });
  const scraped = config.metrics === undefined ? undefined : await listenMetrics(config.metrics, metrics, authority);
  // Before anything is said: whoever reads the line may ask it to stop in the same moment.
  const drain = async (): Promise<void> => {
    if (closing.signal.aborted) process.exit(130);
    log({ event: 'draining' });
    clearInterval(tending);
    await Promise.all([server.close(GRACE_MS), scraped?.close(GRACE_MS)]);
    store.close();
    process.exit(0);
  };
  process.on('SIGTERM', () => void drain());
  process.on('SIGINT', () => void drain());
  // A defect nobody caught: better gone and restarted than serving from a state nobody knows.
  process.on('uncaughtException', (error) => {
    log({ event: 'crashed', name: error.name, at: placeOf(error) });
    process.exit(EXIT_FAILED);
  });

  // Said once, here, to whoever started this process: never on stderr, where it would stay in a log.
  const offered = config.firstRun ? offerFirstRun(authority) : undefined;
  const first = offered && { url: `${config.issuer}${INVITE_PATH}`, code: offered.code };
  process.stdout.write(
    `${JSON.stringify({
      ...{ event: 'listening', url: config.issuer, port: server.port, pid: process.pid },
      ...(scraped === undefined ? {} : { metrics_port: scraped.port }),
      ...(first === undefined ? {} : { first_run: first }),
      ...namesBearer(authority),
    })}\n`,
  );
}

/** Clients whose tokens work for whoever has them: whoever starts this is told of each. */
function namesBearer({ config, store }: AuthorityParts): { bearer_clients?: readonly string[] } {
  const marked = store.registry.clients().filter((client) => mayBeUnbound({ config }, client));
  return marked.length === 0 ? {} : { bearer_clients: marked.map(({ name, client_id: id }) => `${name} (${id})`) };
}

function listenMetrics(
  address: { readonly host: string; readonly port: number },
  metrics: Metrics,
  authority: AuthorityParts,
): Promise<Served> {
  // Plain http for the operator's own network; its own requests are neither logged nor counted.
  const edge = { log: () => undefined, newId: randomUUID, issuer: `http://${address.host}` };
  return listen(metricsApp(metrics, authority, edge), {
    ...address,
    newId: randomUUID,
    closing: new AbortController(),
  });
}

function readConfig(): AuthorityConfig {
  const text = process.env.DAUTH_RESOLVED_CONFIG ?? 'null';
  delete process.env.DAUTH_RESOLVED_CONFIG;
  try {
    return parseConfig(JSON.parse(text));
  } catch (error) {
    // A JSON error repeats what it read.
    return stop(EXIT_CONFIG, error instanceof SyntaxError ? new Error('DAUTH_RESOLVED_CONFIG is not JSON.') : error);
  }
}

function stop(code: number, error: unknown): never {
  process.stderr.write(`The authority does not start:\n${error instanceof Error ? error.message : 'unknown reason'}\n`);
  process.exit(code);
}
