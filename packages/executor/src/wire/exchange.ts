/**
 * One call to an upstream, from the moment its head is written to the end of its answer (steps 6 to 9).
 * Never ends an answer normally that did not end normally: what fails after the head is a reset.
 */
import { Readable } from 'node:stream';
import { DAuthError, LIMITS } from '@dauth/protocol';
import type { Line } from '../frames/line.ts';
import { Relay } from '../frames/relay.ts';
import type { Dispatcher } from 'undici';
import { bodyLength, readAnswerHead, readUpgradeHead, withLength, type ContentCoding } from './answer.ts';
import { Answering } from './answering.ts';
import type { CallLimits, CallParts, UpstreamAnswer, UpstreamOutcome, UpstreamRequest } from './call.ts';
import { captureAnswer, captureOf, readableOf, refusingAnswer, type CaptureAsk } from './capture.ts';
import { CallClocks } from './clocks.ts';
import { deferred } from './deferred.ts';
import { abortReason, asDownstream } from './faults.ts';
import type { Forms } from './forms.ts';
import { UpstreamHandshake } from './handshake.ts';
import type { SlottedHead } from './framing.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import { scrubRegisters } from '../secret/registers.ts';
import type { Traveller, Wire } from './wire.ts';
import { Worn } from './worn.ts';

/** `undici`'s raw handler, because it hands over headers as the octets that came. */
type RawHandler = Required<
  Pick<Dispatcher.DispatchHandler, 'onConnect' | 'onHeaders' | 'onUpgrade' | 'onData' | 'onComplete' | 'onError'>
> & { onRequestSent(): void };

/** More interim answers than this have no use; each is an early hint at most (RFC 8297). */
const MAX_INTERIM = 16;

export class Exchange implements Traveller, RawHandler {
  readonly #request: UpstreamRequest;
  readonly #limits: CallLimits;
  readonly #onEcho: () => void;
  readonly #nowMs: () => number;
  readonly #answer = deferred<UpstreamAnswer>();
  readonly #finished = deferred<UpstreamOutcome>();
  readonly #clocks: CallClocks;
  readonly #worn: Worn;
  readonly #aborted = (): void => this.fail(abortReason(this.#request.signal));
  #wire: Wire | null = null;
  #abort: ((error?: Error) => void) | null = null;
  #answering: Answering | null = null;
  readonly #handshake: UpstreamHandshake | null;
  /** The socket of an answer that is a WebSocket, and what goes over it once the caller joined. */
  #line: Line | null = null;
  #relay: Relay | null = null;
  /** An answer that is held waits here for its end, and one that is captured. */
  #whole: UpstreamAnswer | null = null;
  #ended = false;
  #status = 0;
  #interim = 0;
  #redactions = 0;

  constructor(request: UpstreamRequest, limits: CallLimits, { onEcho, nowMs }: CallParts) {
    this.#onEcho = onEcho;
    this.#nowMs = nowMs;
    this.#request = request;
    this.#handshake = request.webSocket === undefined ? null : new UpstreamHandshake(request.webSocket.protocols);
    this.#worn = new Worn(request, nowMs, this.#handshake);
    this.#limits = limits;
    const totalMs = Math.min(request.timeoutMs ?? limits.totalMs, limits.totalMs);
    this.#clocks = new CallClocks(totalMs, (error) => this.fail(error));
    request.signal?.addEventListener('abort', this.#aborted);
    if (request.signal?.aborted) this.#aborted();
  }

  get answer(): Promise<UpstreamAnswer> {
    return this.#answer.promise;
  }

  get finished(): Promise<UpstreamOutcome> {
    return this.#finished.promise;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get isUpgraded(): boolean {
    return this.#line !== null;
  }

  /** Ends the call now: an error where no answer went back yet, a reset where one did. */
  fail(error: DAuthError): void {
    if (this.#ended) return;
    if (this.#relay !== null) return this.#relay.fail(error);
    this.#end(error);
    this.#line?.destroy();
    this.#answer.reject(error);
    this.#answering?.body.destroy(error);
    this.#abort?.(error);
  }

  /** For a socket that a certificate is shown on. @throws whatever its request has to say */
  openEarly(): Plaintext {
    return this.#worn.openEarly();
  }

  // --- the wire's side: the real head, and a first look at what comes back

  boarded(wire: Wire): void {
    this.#wire = wire;
  }

  writeHead(head: SlottedHead): Buffer {
    return this.#worn.writeHead(head);
  }

  leaving(octets: Buffer): void {
    this.#worn.leaving(octets);
  }

  arriving(octets: Buffer): void {
    this.#worn.arriving(octets);
  }

  // --- the HTTP client's side

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    if (this.#ended) abort();
  }

  onRequestSent(): void {
    this.#watch(this.#limits.headersMs);
  }

  onHeaders(status: number, raw: Buffer[]): boolean {
    scrubRegisters();
    if (this.#ended || this.#worn.forms === null) return true;
    try {
      // Interim answers (1xx) say nothing to the caller; 101 is refused below. Their octets are kept until the real head is
      // there, so they are counted.
      if (status < 200 && status !== 101) {
        if (++this.#interim > MAX_INTERIM) throw new DAuthError('RESPONSE_TOO_LARGE');
        return true;
      }
      const capture = captureOf(this.#request.capture, status);
      const read = this.#request.capture === undefined ? raw : readableOf(raw, capture !== undefined);
      const head = readAnswerHead(status, read, this.#worn.forms, this.#request.releases);
      this.#wire?.headRead();
      // RFC 9110 §8.6: of a HEAD it is the length of the body that a GET would have had.
      const isHead = this.#request.method === 'HEAD';
      if (!isHead && head.length !== null && head.length > this.#maxBytes) throw new DAuthError('RESPONSE_TOO_LARGE');
      this.#status = status;
      this.#redactions += head.redactions;
      this.#answering = this.#makeAnswering(head.coding, this.#worn.forms, capture);
      const headers = isHead ? withLength(head) : head.headers;
      // Of what is captured only a part goes back.
      const length = isHead || this.#request.capture !== undefined ? null : bodyLength(status, head);
      const answer = { status, headers, length, body: this.#answering.body, finished: this.finished };
      if (this.#worn.holding !== null || this.#request.capture !== undefined) this.#whole = answer;
      else this.#answer.resolve(answer);
      this.#watch(this.#limits.idleMs);
    } catch (error) {
      this.fail(asDownstream(error));
    }
    return true;
  }

  /** The HTTP client let go of the socket: it carries frames from here on, and none before the caller joins. */
  onUpgrade(status: number, raw: Buffer[]): void {
    const line = this.#wire?.upgraded();
    this.#wire?.hold();
    this.#wire = null;
    this.#abort = null;
    this.#line = line ?? null;
    if (this.#ended || this.#worn.forms === null) return line?.destroy();
    this.#clocks.pause();
    try {
      const head = readUpgradeHead(raw, this.#worn.forms);
      this.#redactions += head.redactions;
      const protocol = this.#handshake!.check(head.parts);
      this.#status = status;
      this.#answer.resolve({
        ...{ status, headers: [], length: null, body: Readable.from([]), finished: this.finished },
        webSocket: { protocol, meet: (caller) => this.#meet(caller) },
      });
    } catch (error) {
      this.fail(asDownstream(error));
    }
  }

  /** Always ready for more: the wire is held instead, so that the parser never keeps octets. */
  onData(octets: Buffer): boolean {
    scrubRegisters();
    if (this.#ended) return true;
    this.#watch(this.#limits.idleMs);
    this.#answering?.take(octets);
    return true;
  }

  /** Trailers are left out (RFC 9110 §6.5.1 allows it): nobody may need them, and what is not sent needs no scan. */
  onComplete(): void {
    this.#leaveWire();
    const hasHint = (): boolean => this.#inHead > 0;
    const answering = this.#answering;
    answering?.complete(hasHint, () => {
      const whole = this.#whole;
      if (whole !== null) this.#answer.resolve({ ...whole, headers: [...whole.headers, ...answering.headers] });
      this.#end(null);
    });
  }

  onError(error: Error): void {
    this.#leaveWire();
    this.fail(asDownstream(error));
  }

  // --- the answer's way back

  /** Places that were starred out in heads. */
  get #inHead(): number {
    return this.#worn.redactions + this.#redactions;
  }

  get #maxBytes(): number {
    return Math.min(this.#request.maxResponseBytes ?? this.#limits.responseBytes, this.#limits.responseBytes);
  }

  #makeAnswering(coding: ContentCoding, forms: Forms, ask: CaptureAsk | undefined): Answering {
    const { capture } = this.#request;
    const take = ask === undefined ? refusingAnswer : captureAnswer;
    return new Answering({
      forms,
      coding,
      maxBytes: capture === undefined ? this.#maxBytes : Math.min(this.#maxBytes, LIMITS.capturedAnswer),
      capture: capture && ((answer) => take(answer, capture, forms)),
      holding: this.#worn.holding,
      hold: () => {
        if (this.#answering?.isFull === true) this.#clocks.pause();
        this.#wire?.hold();
      },
      release: () => this.#wire?.release(),
      resumed: () => this.#watch(this.#limits.idleMs),
      fail: (error) => this.fail(asDownstream(error)),
      left: () => {
        this.#end('ABORTED');
        this.#abort?.();
      },
    });
  }

  #meet(caller: Line): void {
    if (this.#ended || this.#line === null || this.#worn.forms === null) return caller.destroy();
    this.#clocks.stop();
    const untilMs = this.#request.webSocket!.endsAtMs - this.#nowMs();
    this.#relay = new Relay(this.#line, caller, {
      forms: this.#worn.forms,
      idleMs: this.#limits.idleMs,
      totalMs: Math.max(Math.min(untilMs, this.#limits.totalMs), 1),
      maxBytes: this.#maxBytes,
      ended: (how) => this.#end(how),
    });
    // What came in one piece with the head is still in the HTTP client's own memory.
    this.#onEcho();
    this.#relay.start();
  }

  /** The wire may carry the next call already: from here on it is not ours to hold. */
  #leaveWire(): void {
    this.#wire?.release();
    this.#wire = null;
  }

  /** A slow reader is not a silent upstream. */
  #watch(ms: number): void {
    if (this.#ended || this.#answering?.isFull === true) this.#clocks.pause();
    else this.#clocks.watch(ms);
  }

  #end(how: DAuthError | 'ABORTED' | null): void {
    this.#ended = true;
    this.#clocks.stop();
    this.#request.signal?.removeEventListener('abort', this.#aborted);
    const { redactions: inBody, bytes } = this.#relay ?? this.#answering ?? { redactions: 0, bytes: 0 };
    const { asks, capture } = this.#request;
    if (inBody > 0 || asks !== undefined || capture !== undefined) this.#onEcho();
    this.#answering?.[Symbol.dispose]();
    this.#worn[Symbol.dispose]();
    const error = how instanceof DAuthError ? how.code : how;
    this.#finished.resolve({ status: this.#status, bytes, redactions: this.#inHead + inBody, error });
  }
}
