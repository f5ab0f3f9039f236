/**
 * The one way out: steps 6 to 9 of a dispatch (protocol.md §5), from an allowed request to a scanned answer.
 * Never decides whether a request is allowed, and never lets a credential become a string.
 */
import { pipeline, Readable } from 'node:stream';
import { certificateOf, DAuthError, isScheme, type ConnectionHandle, type Origin } from '@dauth/protocol';
import { AddressBook, makeSystemResolver, parseRange, type CheckedAddress, type Resolver } from '../where/address.ts';
import type { CallLimits, UpstreamAnswer, UpstreamRequest } from './call.ts';
import { trustOf } from './dial.ts';
import { Exchange } from './exchange.ts';
import { asDownstream, untaken } from './faults.ts';
import { assertHead } from './head.ts';
import { Pools, type PoolLimits } from './pools.ts';
import { AwsChunks } from '../secret/aws-chunks.ts';
import { ParserScrub } from '../secret/scrub.ts';

/** One per process. `createUpstream(options)` makes it. */
export interface Upstream {
  /**
   * Step 4, the address: resolves and checks every address of the origin.
   * @throws DAuthError `POLICY_DENIED` (not globally routable, or http/loopback without the switch), `DOWNSTREAM_UNREACHABLE`, `DOWNSTREAM_TIMEOUT`
   */
  check(origin: Origin): Promise<CheckedAddress>;
  /**
   * Steps 6 to 9. Rejects with a `DAuthError` where there is no answer to pass on:
   * whatever `open` and `beforeSend` threw, `POLICY_DENIED` for a value that does not fit its slot, `DOWNSTREAM_*`,
   * `RESPONSE_TOO_LARGE`, `RESPONSE_UNSCANNABLE`. Nothing was sent unless `beforeSend` returned.
   */
  call(request: UpstreamRequest): Promise<UpstreamAnswer>;
  /** Whether all memory that this process frees is overwritten. */
  isFreedOverwritten(): boolean;
  /** Resets every open call of a handle (revocation, §6) and closes its sockets. `why` default `CONNECTION_REVOKED`. */
  reset(handle: ConnectionHandle, why?: DAuthError): void;
  /** Closes idle sockets and waits for open calls to end. */
  close(): Promise<void>;
}

export interface UpstreamLimits extends CallLimits, PoolLimits {}

const DEFAULT_LIMITS: UpstreamLimits = {
  connectMs: 10_000,
  headersMs: 60_000,
  idleMs: 60_000,
  totalMs: 600_000,
  responseBytes: 1_073_741_824,
  pools: 1_024,
  socketsPerPool: 64,
  keepAliveMs: 10_000,
};

export interface UpstreamOptions {
  /** PEM texts added to Node's own roots. */
  readonly ca: readonly string[];
  /** Tests and demos only: loopback addresses, and http to them. */
  readonly dangerouslyAllowLoopback: boolean;
  /** Milliseconds since the epoch: when a request was signed. */
  readonly nowMs: () => number;
  readonly limits?: Partial<UpstreamLimits>;
  /** The operator's ranges in CIDR notation, to which nothing goes. */
  readonly deny?: readonly string[];
  readonly resolve?: Resolver;
  /** Whether all memory that is freed is overwritten, without which no key is taken that OpenSSL reads; default no. */
  readonly isFreedOverwritten?: () => boolean;
}

/** A body that its scheme signs piece by piece is cut into pieces. Only one whose length was said streams by so. */
function inPieces(request: UpstreamRequest): UpstreamRequest {
  const { body, bodyLength, injections } = request;
  const scheme = injections.find(isScheme);
  if (scheme?.scheme !== 'aws_sigv4' || scheme.payload === undefined || !(body instanceof Readable)) return request;
  const pieces = new AwsChunks(bodyLength!);
  // Each end of it ends the other; who waits for the answer is told by the pieces.
  pipeline(body, pieces, () => undefined);
  return { ...request, body: pieces, bodyLength: pieces.encodedLength };
}

/** Makes the way out of one process. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const addresses = new AddressBook({
    resolve: options.resolve ?? makeSystemResolver(),
    dangerouslyAllowLoopback: options.dangerouslyAllowLoopback,
    deny: (options.deny ?? []).map(parseRange),
    now: () => performance.now(),
    timeoutMs: limits.connectMs,
  });
  const pools = new Pools(trustOf(options.ca), limits);
  const open = new Map<ConnectionHandle, Set<Exchange>>();
  const parser = new ParserScrub();
  const scrub = (): void => void parser.run().catch(() => undefined);
  // Once before any answer: the parser's buffer gets its final size while there is nothing in it.
  scrub();

  const register = (handle: ConnectionHandle, exchange: Exchange): void => {
    const siblings = open.get(handle) ?? new Set();
    open.set(handle, siblings.add(exchange));
    void exchange.finished.then(() => {
      siblings.delete(exchange);
      if (siblings.size === 0 && open.get(handle) === siblings) open.delete(handle);
    });
  };

  const isFreedOverwritten = (): boolean => options.isFreedOverwritten?.() === true;
  const call = async (asked: UpstreamRequest): Promise<UpstreamAnswer> => {
    const request = inPieces(asked);
    assertHead(request);
    if (certificateOf(request.injections) !== undefined && !isFreedOverwritten()) throw untaken('client certificate');
    const exchange = new Exchange(request, limits, { nowMs: options.nowMs, onEcho: scrub });
    if (request.isSteadfast !== true) register(request.connection.handle, exchange);
    try {
      if (!exchange.ended) pools.send(request, exchange);
    } catch (error) {
      exchange.fail(asDownstream(error));
    }
    return exchange.answer;
  };

  return {
    check: (origin) => addresses.check(origin),
    isFreedOverwritten,
    call,
    reset: (handle, why = new DAuthError('CONNECTION_REVOKED')) => {
      for (const exchange of open.get(handle) ?? []) exchange.fail(why);
      pools.drop(handle);
    },
    close: async () => {
      // The pools know nothing of sockets that carry no HTTP any more.
      for (const exchange of [...open.values()].flatMap((siblings) => [...siblings])) {
        if (exchange.isUpgraded) exchange.fail(new DAuthError('ENCLAVE_UNAVAILABLE'));
      }
      await pools.close();
      await parser.close();
    },
  };
}
