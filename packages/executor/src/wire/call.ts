/**
 * One call to an upstream in words: what is asked for, what comes back, how it ended. Types only; nothing here sends or opens.
 */
import type { Readable } from 'node:stream';
import type { CaptureAsk } from './capture.ts';
import type { Line } from '../frames/line.ts';
import type { ConnectionHandle, Echoes, ErrorCode, Injection, Method } from '@dauth/protocol';
import type { Filled } from '../secret/inject.ts';
import type { KeptToken } from '../secret/kept-token.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import type { CheckedAddress } from '../where/address.ts';
import type { SlottedBody } from '../where/body-slots.ts';

/** A request that passed steps 1 to 5. */
export interface UpstreamRequest {
  /** Sockets are kept per handle and version: a rotated or foreign credential never meets an older one's socket. */
  readonly connection: { readonly handle: ConnectionHandle; readonly ver: number };
  /** What `Upstream.check` answered for the origin in step 4. */
  readonly address: CheckedAddress;
  /** The pins that its envelope has for that origin (§2.1 `spki`). */
  readonly pins?: readonly string[] | undefined;
  readonly method: Method;
  /** Path and query exactly as the caller sent them, without any slot. */
  readonly target: string;
  /** The caller's headers, lowercase names. What `isConsumed` names is left out here once more. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Readable | Uint8Array | null;
  /** The body, where slots are in it; `body` is null then. */
  readonly slotted?: SlottedBody;
  /** Octets of a streamed body where the caller said so; else it goes chunked. */
  readonly bodyLength?: number;
  readonly injections: readonly Injection[];
  /** Where it asks to go on as a WebSocket: what the caller offers to speak, and when that ends, in Unix milliseconds. */
  readonly webSocket?: { readonly protocols: readonly string[]; readonly endsAtMs: number };
  /** What the credential was exchanged for, where a scheme among the injections says so. */
  readonly token?: KeptToken;
  /** Of a request for a token, in place of slots: what it says. Its answer is a credential, and nothing of it is left behind. */
  readonly asks?: (plaintext: Plaintext) => Filled;
  /** What is taken out of an answer that is a credential, and who seals it: such an answer is read whole. */
  readonly capture?: CaptureAsk | undefined;
  /**
   * Step 6. Called once, when a connection to the checked address stands, in the same tick as the rest of the sending; before that
   * for each socket that a client certificate is shown on while the request waits.
   */
  readonly open: () => Plaintext;
  /** Step 7, status once more: throws to stop. Called right after `open`, right before the first byte. */
  readonly beforeSend: () => void;
  /** Milliseconds for the whole call, answer included; the configured total is the upper bound. */
  readonly timeoutMs?: number;
  /** Headers of the answer that its envelope lets back beside those that go back anyway (§2.1 `response_headers`). */
  readonly releases?: readonly string[] | undefined;
  /** `refused`: an answer with the credential in it fails whole, and each is held until its end (§2.1). */
  readonly echoes?: Echoes | undefined;
  /** Octets of decoded answer; the configured bound is the upper bound. */
  readonly maxResponseBytes?: number;
  /** Answers are searched for what this opens, too: the version before, whose refresh token this call's has replaced. */
  readonly former?: () => Plaintext;
  /** Not reset with its connection, and on a socket of its own: an answer that is lost is a refresh token that is lost. */
  readonly isSteadfast?: boolean;
  /** Aborting resets the call, whatever it is doing. */
  readonly signal?: AbortSignal;
}

/**
 * Why an answer goes back whole or not at all: the place of the stars would help to guess a short value, or its owner wants no answer
 * that holds it.
 */
export type Holding = 'guessable' | Echoes;

/** The upstream's answer, scanned. */
export interface UpstreamAnswer {
  readonly status: number;
  /** Lowercase names; filtered, renamed and redacted (§5). No reason phrase is passed on. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of a 101: the other end of a WebSocket, which waits for the caller's. `headers` and `body` are empty then. */
  readonly webSocket?: { readonly protocol: string | null; readonly meet: (caller: Line) => void };
  /** Identity-decoded and scanned. Destroyed with a `DAuthError` when anything fails after the head. Must be consumed. */
  readonly body: Readable;
  /** Octets of the body, where they are known before its end. */
  readonly length: number | null;
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
  /** Null where the answer ended as it should; `ABORTED` where its reader left. */
  readonly error: ErrorCode | 'ABORTED' | null;
}

/** Bounds of one call; milliseconds and octets. */
export interface CallLimits {
  /** From the request's last octet to the answer's head. */
  readonly headersMs: number;
  /** Between two pieces of an answer. */
  readonly idleMs: number;
  readonly totalMs: number;
  readonly responseBytes: number;
}

/** What a call needs of its surroundings. */
export interface CallParts {
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Called at the end of a call whose answer's body held a credential. */
  readonly onEcho: () => void;
}
