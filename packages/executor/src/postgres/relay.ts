/**
 * The running session (step 9 of spec/dauth.md §5.6): messages both ways through a gate, each answer scanned, each statement
 * bounded in time. Never passes on an octet that was not scanned, and never ends well what did not end well.
 */
import type { Readable, Writable } from 'node:stream';
import { DAuthError } from '@dauth/protocol';
import { wipe } from '../secret/memory.ts';
import { ByteWriter } from '../secret/writer.ts';
import type { Forms } from '../wire/forms.ts';
import { redact } from '../wire/scan.ts';
import { Frames, type Hold } from './frames.ts';
import { OpenGate, type Gate } from './gate.ts';
import { isParameter } from './login.ts';
import { TERMINATE, textsOf } from './messages.ts';
import { ReadOnlyGate } from './read-only.ts';

export interface RelayParts {
  readonly server: ServerSide;
  readonly forms: Forms;
  readonly isReadOnly: boolean;
  readonly statementTimeoutMs: number;
  readonly limits: SessionLimits;
  readonly most: SessionBytes;
  readonly hold: Hold;
  /** Before each message of the driver: throws where the session no longer stands. */
  readonly assertStands: () => void;
  /** Asks the server to stop its statement. */
  readonly cancel: () => Promise<void>;
}

/** The socket of a database. */
export interface ServerSide {
  write(octets: Buffer): void;
  pause(): void;
  resume(): void;
  /** Says goodbye and closes. */
  end(octets: Buffer): void;
  destroy(): void;
  /** The socket takes no more for now; told again when it does. */
  readonly isFull: boolean;
}

/** Milliseconds and octets. */
export interface SessionLimits {
  /** Between two messages of a driver whose server waits. */
  readonly idleMs: number;
  /** What a server has to stop a statement that took too long. */
  readonly graceMs: number;
  /** Of one message of a driver, and of a server. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** Of a whole session, either way; absent means any number. */
export interface SessionBytes {
  readonly requestBytes?: number;
  readonly responseBytes?: number;
}

export interface SessionOutcome {
  readonly bytes: number;
  readonly redactions: number;
  readonly error: DAuthError | null;
}

export class Relay {
  readonly #parts: RelayParts;
  readonly #gate: Gate;
  readonly #fromServer: Frames;
  readonly #fromDriver: Frames;
  /** Messages of the driver that wait for the server. */
  readonly #waiting: [type: string, octets: Buffer][] = [];
  readonly #ended: (outcome: SessionOutcome) => void;
  readonly #request: Readable;
  readonly #response: Writable;
  #answers = new ByteWriter();
  #clock: NodeJS.Timeout | undefined;
  #clockFor: 'idle' | 'statement' | 'grace' | undefined;
  #isOver = false;
  #asked = 0;
  #bytes = 0;
  #redactions = 0;

  constructor(parts: RelayParts, request: Readable, response: Writable, ended: (outcome: SessionOutcome) => void) {
    this.#parts = parts;
    this.#request = request;
    this.#response = response;
    this.#ended = ended;
    const ways = {
      // A copy: a socket writes when it can, and the message ends with this turn.
      toServer: (octets: Buffer): void => parts.server.write(Buffer.from(octets)),
      toDriver: (octets: Buffer): void => void this.#answers.bytes(octets),
    };
    this.#gate = parts.isReadOnly ? new ReadOnlyGate(ways) : new OpenGate(ways);
    const { requestBytes, responseBytes } = parts.limits;
    this.#fromServer = new Frames(
      { hold: parts.hold, most: responseBytes, tooLarge: () => new DAuthError('RESPONSE_TOO_LARGE') },
      (type, octets) => this.#answer(type, octets),
    );
    this.#fromDriver = new Frames(
      { hold: parts.hold, most: requestBytes, tooLarge: () => new DAuthError('PAYLOAD_TOO_LARGE') },
      (type, octets) => this.#ask(type, octets),
    );
  }

  /** Tells the driver it is in, and begins. */
  start(welcome: Buffer): void {
    this.#answers.bytes(welcome);
    this.#flush();
    this.#watch();
    this.#request.on('data', (octets: Buffer) => this.#guard(() => this.#hear(octets)));
    this.#request.once('end', () => this.#leave(false));
    this.#request.on('error', () => this.fail(left()));
    // It was held since its first packet.
    this.#request.resume();
  }

  /** Octets of the server; zeroed by whoever read them. */
  take(octets: Buffer): void {
    this.#guard(() => {
      this.#fromServer.push(octets);
      this.#feed();
    });
    this.#flush();
  }

  /** The server takes octets again. */
  drained(): void {
    if (!this.#isOver && this.#waiting.length === 0) this.#request.resume();
  }

  /** Ends the session now, as something that failed. */
  fail(error: DAuthError): void {
    if (this.#isOver) return;
    this.#parts.server.destroy();
    this.#end(error);
  }

  /** Whatever is thrown by a message ends the session. */
  #guard(work: () => void): void {
    if (this.#isOver) return;
    try {
      work();
      this.#watch();
    } catch (error) {
      this.fail(error instanceof DAuthError ? error : new DAuthError('INTERNAL', undefined, { cause: error }));
    }
  }

  #hear(octets: Buffer): void {
    this.#asked += octets.length;
    if (this.#asked > (this.#parts.most.requestBytes ?? Infinity)) throw new DAuthError('PAYLOAD_TOO_LARGE');
    this.#fromDriver.push(octets);
  }

  #ask(type: string, octets: Buffer): void {
    if (this.#isOver) return;
    if (type === 'X') return this.#leave(true);
    if (this.#gate.isWaiting) {
      this.#waiting.push([type, Buffer.from(octets)]);
      this.#request.pause();
      return;
    }
    this.#forward(type, octets);
  }

  #forward(type: string, octets: Buffer): void {
    this.#parts.assertStands();
    this.#gate.fromDriver(type, octets);
    if (this.#parts.server.isFull) this.#request.pause();
  }

  /** What waited, as far as it may go. */
  #feed(): void {
    while (!this.#isOver && !this.#gate.isWaiting && this.#waiting.length > 0) this.#forward(...this.#waiting.shift()!);
    if (!this.#isOver && this.#waiting.length === 0 && !this.#parts.server.isFull) this.#request.resume();
  }

  #answer(type: string, octets: Buffer): void {
    if (type === 'S') this.#assertParameter(octets);
    if (type === 'Z') this.#unwatch();
    this.#gate.fromServer(type, octets);
  }

  /** What a statement may change about the session, and what it may not. */
  #assertParameter(octets: Buffer): void {
    if (this.#parts.isReadOnly && isParameter(octets, 'is_superuser', 'on'))
      throw new DAuthError('POLICY_DENIED', 'A superuser of the database cannot be kept from writing.');
    const [name, value] = textsOf(octets);
    if (name === 'client_encoding' && value !== 'UTF8')
      throw new DAuthError('RESPONSE_UNSCANNABLE', 'Answers of the session are searched as UTF-8 only.');
  }

  /** Whole messages, scanned at the price of one look, to a driver that may be slow. */
  #flush(): void {
    if (this.#answers.length === 0) return;
    const answers = this.#answers.take();
    this.#answers = new ByteWriter();
    const isTooLarge = this.#bytes + answers.length > (this.#parts.most.responseBytes ?? Infinity);
    if (isTooLarge) this.fail(new DAuthError('RESPONSE_TOO_LARGE'));
    if (this.#isOver) return wipe(answers);
    this.#redactions += redact(answers, this.#parts.forms);
    this.#bytes += answers.length;
    if (this.#response.write(answers)) return;
    this.#parts.server.pause();
    this.#response.once('drain', () => this.#parts.server.resume());
  }

  /** The driver said goodbye, which it may do in the middle of a statement too, or its octets ended. */
  #leave(hasSaidSo: boolean): void {
    if (this.#isOver) return;
    this.#parts.server.end(TERMINATE);
    this.#end(hasSaidSo || !this.#gate.isBusy ? null : left());
  }

  #watch(): void {
    const wanted = this.#gate.isBusy ? 'statement' : 'idle';
    if (this.#isOver || this.#clockFor === wanted || (this.#clockFor === 'grace' && this.#gate.isBusy)) return;
    const { statementTimeoutMs, limits } = this.#parts;
    if (wanted === 'idle') this.#set('idle', limits.idleMs, () => this.fail(idle()));
    else this.#set('statement', statementTimeoutMs, () => this.#stopStatement());
  }

  /** The server's own clock comes first, where no statement turned it off; then it is asked, then it is left. */
  #stopStatement(): void {
    this.#set('grace', this.#parts.limits.graceMs, () => {
      const late = (): void => this.fail(new DAuthError('DOWNSTREAM_TIMEOUT', 'The statement took too long.'));
      this.#set('grace', this.#parts.limits.graceMs, late);
      void this.#cancel();
    });
  }

  async #cancel(): Promise<void> {
    try {
      await this.#parts.cancel();
    } catch {
      // Whoever cannot be asked is left.
    }
  }

  #set(what: 'idle' | 'statement' | 'grace', ms: number, then: () => void): void {
    clearTimeout(this.#clock);
    this.#clockFor = what;
    this.#clock = setTimeout(then, ms);
  }

  #unwatch(): void {
    clearTimeout(this.#clock);
    this.#clockFor = undefined;
  }

  #end(error: DAuthError | null): void {
    this.#isOver = true;
    this.#unwatch();
    // A server reads nothing while it works: what nobody waits for any more is stopped by its key.
    if (this.#gate.isBusy) void this.#cancel();
    this.#request.pause();
    this.#fromServer[Symbol.dispose]();
    this.#fromDriver[Symbol.dispose]();
    this.#answers[Symbol.dispose]();
    this.#parts.forms[Symbol.dispose]();
    this.#ended({ bytes: this.#bytes, redactions: this.#redactions, error });
  }
}

function idle(): DAuthError {
  return new DAuthError('ENCLAVE_UNAVAILABLE', 'The session was idle for too long; the driver may open another one.');
}

function left(): DAuthError {
  return new DAuthError('BAD_REQUEST', 'The driver left in the middle of a statement.');
}
