/**
 * The WebSocket between an upstream and a caller (spec/dauth.md §5.5): two ends, and messages scanned on their way back.
 * Never passes on an octet of the upstream's that was not scanned, and never an end that was not one.
 */
import { DAuthError } from '@dauth/protocol';
import type { Forms } from '../wire/forms.ts';
import { redact, Scanner } from '../wire/scan.ts';
import { ownedConcat, wipe } from '../secret/memory.ts';
import { CLOSE, OPCODE, type MessageKind } from './frame.ts';
import type { Line } from './line.ts';
import { Peer, type PeerEvents } from './peer.ts';
import { Utf8Check } from './utf8-check.ts';

export interface RelayOptions {
  readonly forms: Forms;
  /** Milliseconds in which nothing comes from an end, half of them before it is pinged. */
  readonly idleMs: number;
  /** Milliseconds until the call window's end, or the longest that a call may take. */
  readonly totalMs: number;
  /** Octets of the upstream's messages. */
  readonly maxBytes: number;
  /** It is over: null where it ended as it should, `ABORTED` where the caller left. Comes once; nothing is scanned any more. */
  readonly ended: (how: DAuthError | 'ABORTED' | null) => void;
}

/** Milliseconds for a peer to answer a close (RFC 6455 §7.1.1), and for a last frame to go. */
const CLOSING_MS = 2_000;
const LAST_FRAME_MS = 500;

/** What a caller is told where we end it: the code of RFC 6455, and ours as the reason. */
const CODES: Readonly<Record<string, number>> = Object.freeze({
  __proto__: null as never,
  RESPONSE_TOO_LARGE: CLOSE.tooBig,
  RESPONSE_UNSCANNABLE: CLOSE.badUpstream,
  DOWNSTREAM_UNREACHABLE: CLOSE.badUpstream,
  DOWNSTREAM_TIMEOUT: CLOSE.goingAway,
  ENCLAVE_UNAVAILABLE: CLOSE.goingAway,
});

/** A message that comes in pieces. */
interface Coming {
  readonly check: Utf8Check | null;
  /** Of the upstream's. */
  readonly scanner: Scanner | null;
  isBegun: boolean;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #upstream: Peer;
  readonly #caller: Peer;
  readonly #total: NodeJS.Timeout;
  #late: NodeJS.Timeout | undefined;
  #fromUpstream: Coming | null = null;
  #fromCaller: Coming | null = null;
  /** What the first close said, once there was one. */
  #closing: { readonly code: number; readonly reason: string } | null = null;
  #isOver = false;
  #bytes = 0;
  #redactions = 0;

  constructor(upstream: Line, caller: Line, options: RelayOptions) {
    this.#options = options;
    this.#upstream = new Peer('server', upstream, options.idleMs, {
      ...this.#eventsOf(
        () => this.#upstream,
        () => this.#caller,
      ),
      data: (kind, octets, isLast) => this.#back(kind, octets, isLast),
      close: (code, reason) => this.#closeBack(code, reason),
      broke: (code) => this.#broke(this.#upstream, code),
      ended: () => this.#gone(new DAuthError('DOWNSTREAM_UNREACHABLE')),
    });
    this.#caller = new Peer('client', caller, options.idleMs, {
      ...this.#eventsOf(
        () => this.#caller,
        () => this.#upstream,
      ),
      data: (kind, octets, isLast) => this.#forth(kind, octets, isLast),
      close: (code, reason) => this.#passClose(this.#upstream, code, reason),
      broke: (code) => this.#broke(this.#caller, code),
      ended: () => this.#gone('ABORTED'),
    });
    this.#total = setTimeout(() => this.#windowEnds(), options.totalMs);
  }

  /** Octets of messages that went back. */
  get bytes(): number {
    return this.#bytes;
  }

  get redactions(): number {
    return this.#redactions + (this.#fromUpstream?.scanner?.redactions ?? 0);
  }

  /** Begins to read, the upstream first: what it said with its handshake is here already. */
  start(): void {
    this.#upstream.listen();
    this.#caller.listen();
  }

  /** Ends it now; the caller is told why. */
  fail(error: DAuthError): void {
    this.#end(error, { code: CODES[error.code] ?? CLOSE.policy, reason: error.code });
  }

  #eventsOf(own: () => Peer, other: () => Peer): Pick<PeerEvents, 'silent' | 'full' | 'drained'> {
    return {
      silent: () => this.#silent(own()),
      // Who writes to a slow end waits for it.
      full: () => other().hold(),
      drained: () => other().release(),
    };
  }

  // --- messages

  /** A piece from the upstream, whatever frames it came in: the scan goes on from piece to piece. */
  #back(kind: MessageKind, octets: Buffer, isLast: boolean): void {
    if (this.#isOver) return;
    this.#bytes += octets.length;
    if (this.#bytes > this.#options.maxBytes) return this.fail(new DAuthError('RESPONSE_TOO_LARGE'));
    const coming = (this.#fromUpstream ??= begin(kind, new Scanner(this.#options.forms)));
    const scanned = coming.scanner!.push(octets);
    const rest = isLast ? coming.scanner!.end() : null;
    const safe = rest === null ? scanned : ownedConcat(scanned, rest);
    if (isLast) {
      this.#redactions += coming.scanner!.redactions;
      this.#fromUpstream = null;
    }
    if (!isText(coming, safe, isLast)) this.#broke(this.#upstream, CLOSE.notText);
    else pass(this.#caller, coming, kind, safe, isLast);
    wipe(scanned, rest, safe);
  }

  #forth(kind: MessageKind, octets: Buffer, isLast: boolean): void {
    if (this.#isOver) return;
    const coming = (this.#fromCaller ??= begin(kind, null));
    if (isLast) this.#fromCaller = null;
    if (!isText(coming, octets, isLast)) this.#broke(this.#caller, CLOSE.notText);
    else pass(this.#upstream, coming, kind, octets, isLast);
  }

  // --- the end

  #closeBack(code: number | null, reason: Buffer): void {
    if (this.#isOver) return;
    this.#redactions += redact(reason, this.#options.forms);
    this.#passClose(this.#caller, code, reason);
  }

  /** RFC 6455 §5.5.1: each end's close goes to the other; where both went, the sockets follow. */
  #passClose(to: Peer, code: number | null, reason: Buffer): void {
    if (this.#isOver) return;
    to.close(code, reason);
    if (this.#upstream.sentClose && this.#caller.sentClose) return this.#end(null, null);
    const closing = { code: code ?? CLOSE.goingAway, reason: '' };
    this.#closing = closing;
    this.#late = setTimeout(() => this.#end(null, closing), CLOSING_MS);
  }

  /** What cannot be read ends both: a caller's mistake is the caller's, an upstream's that of the gateway's answer. */
  #broke(peer: Peer, code: number): void {
    if (this.#isOver) return;
    peer.close(code);
    if (peer === this.#caller) this.#end('ABORTED', { code: CLOSE.goingAway, reason: '' });
    else this.fail(new DAuthError(code === CLOSE.tooBig ? 'RESPONSE_TOO_LARGE' : 'RESPONSE_UNSCANNABLE'));
  }

  /** A socket that ends without a close is no end of a conversation (RFC 6455 §7.1.5). */
  #gone(how: DAuthError | 'ABORTED'): void {
    if (this.#isOver) return;
    if (this.#closing !== null) this.#end(null, this.#closing);
    else if (how === 'ABORTED') this.#end(how, { code: CLOSE.goingAway, reason: '' });
    else this.fail(how);
  }

  #silent(peer: Peer): void {
    if (peer === this.#caller) this.#end('ABORTED', { code: CLOSE.goingAway, reason: '' });
    else this.fail(new DAuthError('DOWNSTREAM_TIMEOUT'));
  }

  #windowEnds(): void {
    this.#end(null, { code: CLOSE.goingAway, reason: 'The call window ended.' });
  }

  /** @param last what an end is told that was told no close yet */
  #end(how: DAuthError | 'ABORTED' | null, last: { readonly code: number; readonly reason: string } | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#total);
    clearTimeout(this.#late);
    this.#redactions = this.redactions;
    this.#fromUpstream?.scanner?.[Symbol.dispose]();
    this.#fromUpstream = null;
    const peers = [this.#upstream, this.#caller];
    if (last !== null) {
      this.#upstream.close(last.code);
      this.#caller.close(last.code, Buffer.from(last.reason, 'latin1'));
    }
    // A slow end gets its last frame, or not; nobody waits for it.
    for (const peer of peers) peer.end();
    setTimeout(() => peers.forEach((peer) => peer[Symbol.dispose]()), LAST_FRAME_MS);
    this.#options.ended(how);
  }
}

function begin(kind: MessageKind, scanner: Scanner | null): Coming {
  return { check: kind === 'text' ? new Utf8Check() : null, scanner, isBegun: false };
}

/** RFC 6455 §8.1. */
function isText({ check }: Coming, octets: Buffer, isLast: boolean): boolean {
  return check === null || (check.takes(octets) && (!isLast || check.isWhole));
}

/** In a frame of our own. What the scan holds back goes with the next. */
function pass(to: Peer, coming: Coming, kind: MessageKind, octets: Buffer, isLast: boolean): void {
  if (octets.length === 0 && !isLast) return;
  to.send(coming.isBegun ? OPCODE.continuation : OPCODE[kind], isLast, octets);
  coming.isBegun = true;
}
