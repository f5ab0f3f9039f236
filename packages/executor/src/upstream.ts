/**
 * The one way out: steps 6 to 9 of a dispatch (protocol.md §5), from an allowed request to a scanned answer.
 * Never decides whether a request is allowed, and never lets a credential become a string.
 */
import type { Readable } from 'node:stream';
import type { ConnectionHandle, ErrorCode, Injection, Method, Origin } from '@dauth/protocol';
import type { CheckedAddress } from './address.ts';
import type { Plaintext } from './plaintext.ts';

/** A request that passed steps 1 to 5. */
export interface UpstreamRequest {
  /** Sockets are kept per handle and version: a rotated or foreign credential never meets an older one's socket. */
  readonly connection: { readonly handle: ConnectionHandle; readonly ver: number };
  /** What `Upstream.check` answered for the origin in step 4. */
  readonly address: CheckedAddress;
  readonly method: Method;
  /** Path and query exactly as the caller sent them, without any slot. */
  readonly target: string;
  /** The caller's headers, lowercase names. What `isConsumed` names is left out here once more. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Readable | Uint8Array | null;
  /** Octets of a streamed body where the caller said so; else it goes chunked. */
  readonly bodyLength?: number;
  readonly injections: readonly Injection[];
  /** Step 6. Called once, when a connection to the checked address stands, in the same tick as the rest of the sending. */
  readonly open: () => Plaintext;
  /** Step 7, status once more: throws to stop. Called right after `open`, right before the first byte. */
  readonly beforeSend: () => void;
  /** Milliseconds for the whole call, answer included; the configured total is the upper bound. */
  readonly timeoutMs?: number;
  /** Octets of decoded answer; the configured bound is the upper bound. */
  readonly maxResponseBytes?: number;
  /** Aborting resets the call, whatever it is doing. */
  readonly signal?: AbortSignal;
}

/** The upstream's answer, scanned. */
export interface UpstreamAnswer {
  readonly status: number;
  /** Lowercase names; filtered, renamed and redacted (§5). No reason phrase is passed on. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Identity-decoded and scanned. Destroyed with a `DAuthError` when anything fails after the head. Must be consumed. */
  readonly body: Readable;
  /** Settles, never rejects, when the answer ended one way or the other. */
  readonly finished: Promise<UpstreamOutcome>;
}

/** For the audit. */
export interface UpstreamOutcome {
  readonly status: number;
  /** Octets of decoded answer that went back. */
  readonly bytes: number;
  /** How many places the scan had to redact. */
  readonly redactions: number;
  /** Null where the answer ended as it should. */
  readonly error: ErrorCode | null;
}

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
  /** Resets every open call of a handle (revocation, §6) and closes its sockets. */
  reset(handle: ConnectionHandle): void;
  /** Closes idle sockets and waits for open calls to end. */
  close(): Promise<void>;
}
