/**
 * The authority as a process: reads its configuration, opens its store, listens, says so in one line, drains on SIGTERM.
 * Never holds an opening key, and never starts with a configuration that contradicts itself.
 */
import { dirname, join } from 'node:path';
import { serve } from '@hono/node-server';
import type { Server } from 'node:http';
import { createAuthority } from './app.ts';
import { parseConfig, type AuthorityConfig } from './config.ts';
import { loadSigningKey } from './keys.ts';
import { stderrLog } from './log.ts';
import { openStore } from './store/store.ts';

const DRAIN_MS = 5_000;
const unixNow = (): number => Math.floor(Date.now() / 1_000);

function readConfig(): AuthorityConfig {
  try {
    return parseConfig(JSON.parse(process.env.DAUTH_RESOLVED_CONFIG ?? 'null'));
  } catch (error) {
    process.stderr.write(`The authority does not start:\n${(error as Error).message}\n`);
    process.exit(2);
  }
}

const config = readConfig();
const path = config.database.slice('sqlite:'.length);
const store = await openStore(path, unixNow);
const key = loadSigningKey(join(dirname(path), 'signing.jwk'));
const log = stderrLog(() => Date.now());
const app = createAuthority({ config, key, store, now: unixNow, fetch, log });

const server = serve({ fetch: app.fetch, hostname: config.listen.host, port: config.listen.port, overrideGlobalObjects: false }, () => {
  process.stdout.write(`${JSON.stringify({ event: 'listening', url: config.issuer, pid: process.pid })}\n`);
}) as Server;
// Slow or endless requests end here; the status stream is a response and is not bounded by these.
server.headersTimeout = 10_000;
server.requestTimeout = 30_000;

let isStopping = false;
function stop(): void {
  if (isStopping) process.exit(130);
  isStopping = true;
  log({ event: 'draining' });
  server.close(() => {
    store.close();
    process.exit(0);
  });
  server.closeIdleConnections();
  // The executor's status stream never ends by itself.
  setTimeout(() => server.closeAllConnections(), Math.min(DRAIN_MS, 300)).unref();
  setTimeout(() => process.exit(0), DRAIN_MS).unref();
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
