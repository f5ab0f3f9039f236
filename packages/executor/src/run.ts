/**
 * Runs one executor with the real clock, file system, authority and upstream, until a signal ends it.
 * Never started before `main.ts` has checked the process.
 */
import { readFileSync } from 'node:fs';
import type { SecureContext } from 'node:tls';
import { isObject, NO_OPERATOR_RULES, parseJson, type OperatorRules } from '@dauth/protocol';
import { connectAuthority } from './who/authority.ts';
import type { ExecutorConfig } from './config.ts';
import { isFreedOverwritten } from './freed.ts';
import { makeLog, type LogFacts } from './log.ts';
import { openEnvelope } from './open.ts';
import { resealEnvelope } from './reseal.ts';
import { openRoom } from './room.ts';
import { createDatabases } from './postgres/databases.ts';
import { trustStore } from './wire/dial.ts';
import { createUpstream } from './wire/upstream.ts';

export async function run(config: ExecutorConfig): Promise<void> {
  const nowMs = (): number => Date.now();
  const log = makeLog((line) => process.stderr.write(line), nowMs);
  const ca = config.upstream.ca.map((path) => readPem(path));
  const trust = (): SecureContext => trustStore(ca);
  // What the operator gave is read at once, for a mistake in it ends the start.
  if (ca.length > 0) trust();
  const { dangerouslyAllowLoopback } = config.upstream;
  const limits = { totalMs: config.limits.totalMs, responseBytes: config.limits.streamedResponseBytes };
  const room = await openRoom({
    config,
    version: readVersion(),
    log,
    nowMs,
    monotonic: () => performance.now(),
    open: openEnvelope,
    reseal: resealEnvelope,
    upstream: createUpstream({
      ...{ ca, dangerouslyAllowLoopback, nowMs, limits, deny: config.rules.deny.addresses },
      isFreedOverwritten,
    }),
    databases: createDatabases({ trust }),
    connect: ({ identity }) =>
      connectAuthority({
        issuer: config.issuer,
        identity,
        trust,
        now: () => Math.floor(nowMs() / 1_000),
      }),
  });
  if (config.rules !== NO_OPERATOR_RULES) log('rules in force', describeRules(config.rules));
  const address = await room.listen();
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  const url = `http://${host}:${address.port}`;
  // Before anything is said: whoever reads the line may ask it to stop in the same moment.
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    log('stopping');
    room.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // The launcher holds the other end: however it ends, nobody keeps this process alive without it.
  if (process.argv.includes('--end-with-stdin')) process.stdin.once('close', stop).resume();

  process.stdout.write(
    `${JSON.stringify({
      ...{ event: 'listening', url, pid: process.pid, identity: room.identity, level: room.level },
      ...(config.rules === NO_OPERATOR_RULES ? {} : { rules: describeRules(config.rules) }),
      ...(address.metricsPort === undefined ? {} : { metrics_port: address.metricsPort }),
    })}\n`,
  );
  // A start does not wait for it, and neither does the first call.
  setImmediate(trust);
}

/** @throws TypeError with a sentence for the operator */
function readPem(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    throw new TypeError(`${path} in "upstream.ca" cannot be read.`);
  }
}

function readVersion(): string {
  const manifest = parseJson(readFileSync(new URL('../package.json', import.meta.url), 'utf8'), 65_536);
  return isObject(manifest) && typeof manifest.version === 'string' ? manifest.version : '0';
}

/** What the operator's rules are, in short: how many names, and which bounds. */
function describeRules({ deny, requestBytes, responseBytes, rates, hours }: OperatorRules): LogFacts {
  const { hosts, origins, methods, addresses } = deny;
  return {
    ...{ hosts: hosts.length, origins: origins.length, methods: methods.join(' '), addresses: addresses.length },
    ...(requestBytes === undefined ? {} : { requestBytes }),
    ...(responseBytes === undefined ? {} : { responseBytes }),
    ...Object.fromEntries(
      Object.entries(rates).map(([of, { count, seconds }]) => [`rate.${of}`, `${count} in ${seconds} s`]),
    ),
    ...(hours === undefined ? {} : { hours: hours.length }),
  };
}
