/**
 * The executor put together: which part gets which other. Everything that a test replaces comes in as an argument.
 * Never a decision of its own, and never a global.
 */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DAuthError, LIMITS, type IsolationLevel, type JsonObject } from '@dauth/protocol';
import { JwksCache, MemoryReplayStore } from '@dauth/verify';
import type { Authority } from './who/authority.ts';
import { Captures } from './captures.ts';
import { applyChanges } from './changes.ts';
import { Checkpoints, readAcknowledged } from './journal/checkpoint.ts';
import type { ExecutorConfig } from './config.ts';
import { makeDirectory } from './secret/directory.ts';
import { makePrivateDirectory } from './journal/files.ts';
import type { Databases } from './postgres/databases.ts';
import { CancelKeys } from './postgres/keys.ts';
import { Journal } from './journal/journal.ts';
import { loadKeys, type ExecutorKeys } from './secret/keys.ts';
import type { Log } from './log.ts';
import { OpenCalls } from './open-calls.ts';
import type { openEnvelope } from './open.ts';
import type { resealEnvelope } from './reseal.ts';
import { Pending } from './refresh/pending.ts';
import { Refreshes } from './refresh/refreshes.ts';
import { recoverJournal } from './journal/recovery.ts';
import { Refusals } from './journal/refusals.ts';
import { Seen } from './who/seen.ts';
import { Shares } from './who/shares.ts';
import { segmentsIn, type SegmentFiles } from './journal/segment.ts';
import { Metrics } from './door/metrics.ts';
import { findPrivateRoute } from './door/private.ts';
import { findPublicRoute } from './door/public.ts';
import { drain, listening } from './door/listening.ts';
import { makeServer } from './door/server.ts';
import { Budgets } from './who/budgets.ts';
import { Rates } from './who/rates.ts';
import { EnvelopeShelf } from './who/shelf.ts';
import { Status } from './who/status.ts';
import { UseLimits } from './who/use-limits.ts';
import { makeRedeem } from './redeem.ts';
import { makeTry } from './try.ts';
import { Tokens } from './wire/tokens.ts';
import { Turns } from './wire/turns.ts';
import type { Upstream } from './wire/upstream.ts';

export interface RoomParts {
  readonly config: ExecutorConfig;
  readonly version: string;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
  readonly open: typeof openEnvelope;
  readonly reseal: typeof resealEnvelope;
  readonly upstream: Upstream;
  readonly databases: Databases;
  readonly connect: (keys: ExecutorKeys) => Authority;
  readonly segments?: (directory: string) => SegmentFiles;
}

/** A running executor. */
export interface Room {
  readonly identity: string;
  readonly level: IsolationLevel;
  /** Listens; the bound address, and the port of the private listener where there is one. */
  listen(): Promise<AddressInfo & { readonly metricsPort?: number }>;
  /** Takes no more, lets open dispatches end within the bound, sends the last checkpoint, closes everything. */
  stop(): Promise<void>;
}

/** @throws TypeError with a sentence for the operator where the data directory cannot be used */
export async function openRoom(parts: RoomParts): Promise<Room> {
  const { config, log, nowMs, monotonic, upstream } = parts;
  const now = (): number => Math.floor(nowMs() / 1_000);
  makePrivateDirectory(config.data);
  const journalDirectory = join(config.data, 'journal');
  makePrivateDirectory(journalDirectory);
  const keys = await loadKeys(config.data, now());
  const { identity } = keys;
  const level = config.upstream.dangerouslyAllowLoopback ? 'development' : 'software';
  const startedAt = now();

  const files = (parts.segments ?? segmentsIn)(journalDirectory);
  const acknowledged = readAcknowledged(config.data, identity);
  const recovery = await recoverJournal(files, acknowledged, nowMs() - LIMITS.proofReplaySeconds * 1_000);
  const journal = new Journal({ files, segmentBytes: config.limits.segmentBytes, now: nowMs }, recovery.tail);
  await journal.note('start', {
    identity: identity.jkt,
    level,
    version: parts.version,
    run: randomBytes(8).toString('hex'),
    clean: recovery.wasStopped,
  });
  const seen = await Seen.open(config.data, config.acceptRevision);
  const budgets = await Budgets.open(config.data, now);
  const useLimits = new UseLimits({
    ...{ rates: new Rates(monotonic), budgets, operator: config.rules.rates, recent: recovery.recent, nowMs },
  });

  const authority = parts.connect(keys);
  const jwks = new JwksCache({ url: `${config.issuer}/.well-known/jwks.json`, fetch: authority.fetch, now: monotonic });
  const shelf = new EnvelopeShelf(authority);
  const calls = new OpenCalls();
  const turns = new Turns();
  const tokens = new Tokens(upstream, monotonic, now, turns);
  const refusals = new Refusals({ journal, perMinute: config.limits.refusalsPerMinute, monotonic });
  const replay = new MemoryReplayStore({ now });
  rememberProofs(replay, recovery.recent, startedAt);
  const status = new Status({
    authority,
    jwks,
    issuer: config.issuer,
    resource: config.resource,
    freshnessMs: config.freshnessMs,
    monotonic,
    seen,
    log,
    onChange: (changes) => applyChanges(changes, { tokens, refreshes, shelf, upstream, calls, view: status.view }),
  });
  const pending = await Pending.open({ directory: join(config.data, 'reseals'), authority, log });
  const refreshes = new Refreshes({
    upstream,
    authority,
    pending,
    journal,
    seen,
    shelf,
    view: status.view,
    sealing: { open: parts.open, reseal: parts.reseal },
    identity,
    node: config.node,
    onReplaced: () => calls.review(status.view),
    turns,
    log,
    monotonic,
    now,
  });
  const openingKeys = new Map([[keys.opening.kid, keys.opening]]);
  const captures = new Captures({
    ...{ authority, pending, journal, seen, shelf, view: status.view, identity, openingKeys, monotonic, now },
    ...{ open: parts.open, reseal: parts.reseal, node: config.node },
    onReplaced: () => calls.review(status.view),
  });
  const checkpoints = new Checkpoints(
    { data: config.data, identity, journal, files, authority, now, log, beforeRound: () => refusals.flush() },
    acknowledged,
  );
  const metrics = new Metrics();
  const shared = {
    issuer: config.issuer,
    resource: config.resource,
    jwks,
    replay,
    journal,
    open: parts.open,
    openingKeys,
    now,
    monotonic,
  };
  const door = {
    limits: config.limits,
    log,
    version: parts.version,
    assertReady: () => {
      status.assertFresh();
      if (!journal.isWritable) throw new DAuthError('AUDIT_UNAVAILABLE');
    },
  };
  const watched = metrics.watchRefusals(refusals);
  const dispatch = {
    ...shared,
    journal: metrics.watchJournal(journal),
    node: config.node,
    status,
    seen,
    shelf,
    pending,
    opens: new Map([[keys.opening.kid, keys.opening.alg]]),
    startedAt,
    refusals: watched,
    calls,
    tokens,
    refreshes,
    captures,
    shares: new Shares(config.limits.concurrency, largestHeld(config.limits)),
    ...{ rules: config.rules, useLimits, nowMs },
    upstream,
    databases: parts.databases,
    cancelKeys: new CancelKeys(),
    identity: identity.jkt,
  };
  const publicDeps = {
    ...door,
    dispatch,
    refusals: watched,
    tryEnvelope: makeTry(shared),
    redeem: makeRedeem({ ...dispatch, journal }),
    directory: await makeDirectory({
      data: config.data,
      identity,
      node: config.node,
      resource: config.resource,
      keys: [keys.published],
      level,
      now,
    }),
  };
  const server = makeServer(publicDeps, findPublicRoute);
  // Whoever asks here is the operator: its mistakes are no refusals that anybody has to hear of.
  const privateDeps = {
    ...door,
    refusals: { count: () => undefined },
    resource: config.resource,
    metrics: () =>
      metrics.render({
        openCalls: calls.size,
        statusAgeMs: status.ageMs,
        seq: journal.head.seq,
        isWritable: journal.isWritable,
        level,
        version: parts.version,
      }),
  };
  const privateServer = config.metrics === undefined ? undefined : makeServer(privateDeps, findPrivateRoute);

  return {
    identity: identity.jkt,
    level,
    async listen() {
      const scraped =
        privateServer === undefined || config.metrics === undefined
          ? undefined
          : await listening(privateServer, config.metrics);
      // A refresh token that an earlier run was given is stored before anybody needs it.
      await pending.settleAll();
      const address = await listening(server, config.listen);
      status.start();
      checkpoints.start();
      return { ...address, ...(scraped === undefined ? {} : { metricsPort: scraped.port }) };
    },
    async stop() {
      privateServer?.close();
      await drain(server, calls, config.limits.drainMs);
      privateServer?.closeAllConnections();
      await refreshes.idle();
      pending.close();
      await status.stop();
      await upstream.close();
      await refusals.flush();
      await journal.stop();
      await checkpoints.finish();
      await seen.close();
      await budgets.close();
      await authority.close();
    },
  };
}

/** What one buffered dispatch may have to hold alone: its request and its answer. */
function largestHeld({ bufferedRequestBytes, bufferedResponseBytes }: ExecutorConfig['limits']): number {
  return Math.max(bufferedRequestBytes, LIMITS.signedBody) + bufferedResponseBytes;
}

/**
 * Proofs of dispatches that had an effect before the restart: a proof signed a little ahead of its time is younger than
 * this start, and the memory of its use ended with the last process.
 */
function rememberProofs(replay: MemoryReplayStore, recent: readonly JsonObject[], now: number): void {
  for (const { kind, proof } of recent) {
    if (kind === 'intent' && typeof proof === 'string') replay.consume(proof, now + LIMITS.proofReplaySeconds);
  }
}
