/**
 * One call to an upstream, from the moment its head is written to the end of its answer (steps 6 to 9).
 * Never ends an answer normally that did not end normally: what fails after the head is a reset.
 */
import { Readable } from 'node:stream';
import { DAuthError, LIMITS } from '@dauth/protocol';
import type { Line } from '../frames/line.ts';
import { Relay } from '../frames/relay.ts';
import type { Dispatcher } from 'undici';
import { readAnswerHead, readUpgradeHead, type AnswerHead, type ContentCoding } from './answer.ts';
import { Answering } from './answering.ts';
import type { UpstreamAnswer, UpstreamOutcome, UpstreamRequest } from './call.ts';
import { AnswerHeads } from './answer-heads.ts';
import { captureAnswer, framingOf, refusingAnswer, type CaptureAsk } from './capture.ts';
import { deferred } from './deferred.ts';
import { asDownstream } from './faults.ts';
import { Forms } from './forms.ts';
import { UpstreamHandshake } from './handshake.ts';
import type { SlottedHead } from './framing.ts';
import { describeRequest, renderHead } from './head.ts';
import type { ChunkKey } from '../secret/aws-chunks.ts';
import { uncaptured } from '../secret/captured-values.ts';
import { keyTraces, NO_TRACES } from '../secret/client-certificate.ts';
import { inject, searchedValues } from '../secret/inject.ts';
import { wipe } from '../secret/memory.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import { redact } from './scan.ts';
import { scrubRegisters } from '../secret/registers.ts';
import { scrubStackSoon } from '../secret/scrub.ts';
import type { Traveller, Wire } from './wire.ts';

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
  readonly #total: NodeJS.Timeout;
  readonly #aborted = (): void => this.fail(abortReason(this.#request.signal));
  #quiet: NodeJS.Timeout | undefined;
  #wire: Wire | null = null;
  #abort: ((error?: Error) => void) | null = null;
  #forms: Forms | null = null;
  #chunkKey: ChunkKey | null = null;
  #answering: Answering | null = null;
  readonly #handshake: UpstreamHandshake | null;
  readonly #heads = new AnswerHeads();
  /** The socket of an answer that is a WebSocket, and what goes over it once the caller joined. */
  #line: Line | null = null;
  #relay: Relay | null = null;
  /** The answer of a call with a guessable value waits here for its end, and one that is captured. */
  #whole: UpstreamAnswer | null = null;
  #isGuessable = false;
  #ended = false;
  #status = 0;
  #interim = 0;
  #redactions = 0;

  constructor(request: UpstreamRequest, limits: CallLimits, { onEcho, nowMs }: CallParts) {
    this.#onEcho = onEcho;
    this.#nowMs = nowMs;
    this.#request = request;
    this.#handshake = request.webSocket === undefined ? null : new UpstreamHandshake(request.webSocket.protocols);
    this.#limits = limits;
    const totalMs = Math.min(request.timeoutMs ?? limits.totalMs, limits.totalMs);
    this.#total = setTimeout(() => this.fail(new DAuthError('DOWNSTREAM_TIMEOUT')), totalMs);
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

  /**
   * 6 and 7 while it waits, for a socket that a certificate is shown on.
   * @throws whatever its request has to say
   */
  openEarly(): Plaintext {
    const plaintext = this.#request.open();
    try {
      this.#request.beforeSend();
    } catch (error) {
      plaintext[Symbol.dispose]();
      throw error;
    }
    return plaintext;
  }

  // --- the wire's side: the real head, and a first look at what comes back

  boarded(wire: Wire): void {
    this.#wire = wire;
  }

  writeHead({ framing, host }: SlottedHead): Buffer {
    const fillable = describeRequest(this.#request, host, this.#nowMs());
    // 6 open, only now: a connection that takes its time must not find a credential waiting.
    using plaintext = this.#request.open();
    // 7 status once more, with nothing between it and the write.
    this.#request.beforeSend();
    const { injections, slotted, token, asks } = this.#request;
    const filled = asks?.(plaintext) ?? inject(plaintext, injections, fillable, slotted, token);
    let former: readonly Buffer[] = [];
    let key = NO_TRACES;
    try {
      key = keyTraces(plaintext, injections);
      former = this.#formerValues(filled.secrets);
      this.#chunkKey = filled.chunkKey ?? null;
      this.#isGuessable = filled.isGuessable;
      if (this.#handshake !== null && this.#isGuessable) throw tooShort();
      this.#forms = new Forms([...filled.secrets, ...former, ...key.numbers], key.lines);
      return renderHead(this.#request, filled, framing, this.#handshake?.lines);
    } finally {
      // 8 zero; `using` does the plaintext itself.
      wipe(filled.target, filled.lines, filled.body, ...filled.secrets, ...former);
      wipe(...key.numbers, ...key.lines);
      scrubRegisters();
    }
  }

  /** What the version before had in another spelling than this one has. */
  #formerValues(secrets: readonly Buffer[]): readonly Buffer[] {
    const { former, injections } = this.#request;
    if (former === undefined) return [];
    using plaintext = former();
    return searchedValues(plaintext, injections, secrets);
  }

  leaving(octets: Buffer): void {
    this.#chunkKey?.sign(octets);
  }

  /**
   * Stars out what the answer's head echoes before the HTTP client can make strings of it (reason phrase, keep-alive).
   * Up to the last empty line only, which no form can cross: before it stands the head, and interim heads before that; behind
   * it body octets, framed, and the scan of the unframed body needs them as they came.
   */
  arriving(octets: Buffer): void {
    // Of a body that is captured nothing may be starred out before it is read, wherever it has an empty line.
    const end = this.#request.capture === undefined ? lastHeadEnd(octets) : this.#heads.take(octets);
    const head = end === null ? octets : octets.subarray(0, end);
    if (this.#forms !== null) this.#redactions += redact(head, this.#forms, end === null);
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
    if (this.#ended || this.#forms === null) return true;
    try {
      // Interim answers (1xx) say nothing to the caller; 101 is refused below. Their octets are kept until the real head is
      // there, so they are counted.
      if (status < 200 && status !== 101) {
        if (++this.#interim > MAX_INTERIM) throw new DAuthError('RESPONSE_TOO_LARGE');
        return true;
      }
      const capture = captureOf(this.#request, status);
      const read = capture === undefined ? raw : framingOf(raw);
      const head = readAnswerHead(status, read, this.#forms, this.#request.releases);
      this.#wire?.headRead();
      // RFC 9110 §8.6: of a HEAD it is the length of the body that a GET would have had.
      const isHead = this.#request.method === 'HEAD';
      if (!isHead && head.length !== null && head.length > this.#maxBytes) throw new DAuthError('RESPONSE_TOO_LARGE');
      this.#status = status;
      this.#redactions += head.redactions;
      this.#answering = this.#makeAnswering(head.coding, this.#forms, capture);
      const own = capture === undefined ? [] : JSON_TYPE;
      const headers = [...(isHead ? withLength(head) : head.headers), ...own];
      const answer = { status, headers, body: this.#answering.body, finished: this.finished };
      if (this.#isGuessable || this.#request.capture !== undefined) this.#whole = answer;
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
    if (this.#ended || this.#forms === null) return line?.destroy();
    clearTimeout(this.#quiet);
    try {
      const head = readUpgradeHead(raw, this.#forms);
      this.#redactions += head.redactions;
      const protocol = this.#handshake!.check(head.parts);
      this.#status = status;
      this.#answer.resolve({
        ...{ status, headers: [], body: Readable.from([]), finished: this.finished },
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
    const hasHint = (): boolean => this.#redactions > 0;
    this.#answering?.complete(hasHint, () => {
      if (this.#whole !== null) this.#answer.resolve(this.#whole);
      this.#end(null);
    });
  }

  onError(error: Error): void {
    this.#leaveWire();
    this.fail(asDownstream(error));
  }

  // --- the answer's way back

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
      isGuessable: this.#isGuessable,
      hold: () => {
        // A slow reader is not a silent upstream.
        if (this.#answering?.isFull === true) clearTimeout(this.#quiet);
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
    if (this.#ended || this.#line === null || this.#forms === null) return caller.destroy();
    clearTimeout(this.#total);
    const untilMs = this.#request.webSocket!.endsAtMs - this.#nowMs();
    this.#relay = new Relay(this.#line, caller, {
      forms: this.#forms,
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

  /** (Re)starts the clock that runs while nothing comes. */
  #watch(ms: number): void {
    clearTimeout(this.#quiet);
    if (this.#ended || this.#answering?.isFull === true) return;
    this.#quiet = setTimeout(() => this.fail(new DAuthError('DOWNSTREAM_TIMEOUT')), ms);
  }

  #end(how: DAuthError | 'ABORTED' | null): void {
    this.#ended = true;
    clearTimeout(this.#total);
    clearTimeout(this.#quiet);
    this.#request.signal?.removeEventListener('abort', this.#aborted);
    const { redactions: inBody, bytes } = this.#relay ?? this.#answering ?? { redactions: 0, bytes: 0 };
    if (this.#forms !== null) scrubStackSoon();
    const { asks, capture } = this.#request;
    if (inBody > 0 || asks !== undefined || capture !== undefined) this.#onEcho();
    this.#answering?.[Symbol.dispose]();
    this.#forms?.[Symbol.dispose]();
    this.#forms = null;
    this.#chunkKey?.[Symbol.dispose]();
    const error = how instanceof DAuthError ? how.code : how;
    this.#finished.resolve({ status: this.#status, bytes, redactions: this.#redactions + inBody, error });
  }
}

/** All that is said of an answer that was captured: how it came is for this hop. */
const JSON_TYPE: AnswerHead['headers'] = [['content-type', 'application/json']];

/** In an answer that says no nothing is captured; one that leads elsewhere may lead there with a credential. */
function captureOf({ capture }: UpstreamRequest, status: number): CaptureAsk | undefined {
  if (capture === undefined || status >= 400) return undefined;
  if (status >= 300) throw uncaptured('leads elsewhere, where nothing can be captured');
  return capture;
}

/** Behind the last empty line, or null where there is none. */
function lastHeadEnd(octets: Buffer): number | null {
  const at = octets.lastIndexOf('\r\n\r\n');
  return at < 0 ? null : at + 4;
}

/** What a HEAD asks for most often. Of an encoded answer it would be the length of other octets than a GET gives back. */
function withLength({ headers, length, coding }: AnswerHead): AnswerHead['headers'] {
  return length === null || coding !== 'identity' ? headers : [...headers, ['content-length', `${length}`]];
}

function tooShort(): DAuthError {
  return new DAuthError(
    'POLICY_DENIED',
    'A field of the sealed credential is too short for a WebSocket: its messages could not be starred out without telling something of it.',
  );
}

function abortReason(signal: AbortSignal | undefined): DAuthError {
  return signal?.reason instanceof DAuthError
    ? signal.reason
    : new DAuthError('ENCLAVE_UNAVAILABLE', 'The call was cut off.');
}
