/**
 * The credential of one call, as it is worn (steps 6 to 8): opened as late as can be, put in, zeroed, and afterwards what the
 * answer is searched for. Never opened for a connection that does not stand yet, but where a certificate is shown on it.
 */
import { DAuthError } from '@dauth/protocol';
import type { ChunkKey } from '../secret/aws-chunks.ts';
import { keyTraces, NO_TRACES } from '../secret/client-certificate.ts';
import { heldValues, inject, searchedValues } from '../secret/inject.ts';
import { wipe } from '../secret/memory.ts';
import type { Plaintext } from '../secret/plaintext.ts';
import { scrubRegisters } from '../secret/registers.ts';
import { scrubStackSoon } from '../secret/scrub.ts';
import { AnswerHeads, lastHeadEnd } from './answer-heads.ts';
import type { Holding, UpstreamRequest } from './call.ts';
import { Forms } from './forms.ts';
import type { SlottedHead } from './framing.ts';
import type { UpstreamHandshake } from './handshake.ts';
import { describeRequest, renderHead } from './head.ts';
import { redact } from './scan.ts';

export class Worn implements Disposable {
  readonly #request: UpstreamRequest;
  readonly #nowMs: () => number;
  readonly #handshake: UpstreamHandshake | null;
  readonly #heads = new AnswerHeads();
  #chunkKey: ChunkKey | null = null;
  #forms: Forms | null = null;
  #holding: Holding | null = null;
  #redactions = 0;

  /** @param nowMs milliseconds since the epoch; @param handshake of a call that asks for a WebSocket */
  constructor(request: UpstreamRequest, nowMs: () => number, handshake: UpstreamHandshake | null) {
    this.#request = request;
    this.#nowMs = nowMs;
    this.#handshake = handshake;
  }

  /** What the answer is searched for, from the moment the head is written to the end of the call. */
  get forms(): Forms | null {
    return this.#forms;
  }

  /** Why an answer is held until its end, and refused whole where a value stands in it; null where it is not. */
  get holding(): Holding | null {
    return this.#holding;
  }

  /** Places that were starred out before the HTTP client read them. */
  get redactions(): number {
    return this.#redactions;
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

  /** The real head, and what stands in front of the body. */
  writeHead({ framing, host }: SlottedHead): Buffer {
    const fillable = describeRequest(this.#request, host, this.#nowMs());
    // 6 open, only now: a connection that takes its time must not find a credential waiting.
    using plaintext = this.#request.open();
    // 7 status once more, with nothing between it and the write.
    this.#request.beforeSend();
    const { injections, slotted, token, asks } = this.#request;
    const filled = asks?.(plaintext) ?? inject(plaintext, injections, fillable, slotted, token);
    const former: Buffer[] = [];
    let key = NO_TRACES;
    try {
      key = keyTraces(plaintext, injections);
      this.#addFormer(former, filled.secrets);
      this.#chunkKey = filled.chunkKey ?? null;
      this.#holding = filled.isGuessable ? 'guessable' : (this.#request.echoes ?? null);
      if (this.#handshake !== null && this.#holding !== null) throw tooShort();
      this.#forms = new Forms([...filled.secrets, ...former, ...key.numbers], key.lines);
      return renderHead(this.#request, filled, framing, this.#handshake?.lines);
    } finally {
      // 8 zero; `using` does the plaintext itself.
      wipe(filled.target, filled.lines, filled.body, ...filled.secrets, ...former);
      wipe(...key.numbers, ...key.lines);
      scrubRegisters();
    }
  }

  /** Adds what the version before had in another spelling than this one has, and what was captured out of this login before. */
  #addFormer(former: Buffer[], secrets: readonly Buffer[]): void {
    const { former: before, injections, capture } = this.#request;
    if (capture !== undefined) {
      using captured = capture.before();
      const fields = capture.fields.map(({ field }) => field);
      former.push(...heldValues(captured, fields));
    }
    if (before === undefined) return;
    using plaintext = before();
    former.push(...searchedValues(plaintext, injections, secrets));
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

  [Symbol.dispose](): void {
    if (this.#forms !== null) scrubStackSoon();
    this.#forms?.[Symbol.dispose]();
    this.#forms = null;
    this.#chunkKey?.[Symbol.dispose]();
  }
}

function tooShort(): DAuthError {
  return new DAuthError(
    'POLICY_DENIED',
    'A field of the sealed credential is too short for a WebSocket: its messages could not be starred out without telling something of it.',
  );
}
