/**
 * A session that may only read (spec/dauth.md §5.6). Each statement runs alone, in a transaction that the executor began as
 * READ ONLY and whose first snapshot is taken: from there on PostgreSQL itself lets nothing turn it into another one, neither
 * SET nor BEGIN nor set_config, in whatever function or block (`check_transaction_read_only`).
 * Never lets two statements go out together: the second could run behind the end of that transaction.
 */
import { DAuthError } from '@dauth/protocol';
import { isAnswer, notTaken, STATEMENTS, unexpected, type Gate, type Ways } from './gate.ts';
import { asOneStatement, message, sqlState, textsOf } from './messages.ts';

/** A statement follows BEGIN, so that the snapshot is taken before the driver's own. */
const BEGIN = message('Q', 'BEGIN READ ONLY; SELECT 1');
const SNAPSHOT = message('Q', 'SELECT 1');
const COMMIT = message('Q', 'COMMIT');
const IDLE = 'I';
const IN_TRANSACTION = 'T';
/** The notice that a transaction was there already: ours. */
const ACTIVE_TRANSACTION = '25001';

/**
 * `ready`: the server waits. `beginning`, `renewing`, `ending`: for a statement of our own. `batch`: the driver's messages go
 * out. `synced`: until the server is ready again.
 */
type Phase = 'ready' | 'beginning' | 'batch' | 'synced' | 'renewing' | 'ending';

export class ReadOnlyGate implements Gate {
  readonly #ways: Ways;
  #phase: Phase = 'ready';
  /** The driver began a transaction of its own, inside ours. */
  #inBlock = false;
  /** The batch has its statement. */
  #isExecuted = false;
  /** The batch was a query in the simple form, whose driver expects its answers. */
  #isSimple = false;
  #isEmpty = true;
  #tag = '';
  /** What the driver sent first, until our transaction stands. */
  #held: readonly [type: string, octets: Buffer] | null = null;
  /** The server's word that it is ready, until ours is done. */
  #ready: Buffer | null = null;

  constructor(ways: Ways) {
    this.#ways = ways;
  }

  get isWaiting(): boolean {
    return this.#phase !== 'ready' && this.#phase !== 'batch';
  }

  get isBusy(): boolean {
    return this.#phase !== 'ready';
  }

  fromDriver(type: string, octets: Buffer): void {
    if (!STATEMENTS.includes(type)) throw notTaken();
    if (this.#phase === 'ready' && !this.#inBlock) {
      this.#held = [type, Buffer.from(octets)];
      this.#phase = 'beginning';
      this.#ways.toServer(BEGIN);
      return;
    }
    this.#phase = 'batch';
    this.#pass(type, octets);
  }

  fromServer(type: string, octets: Buffer): void {
    if (!isAnswer(type)) throw unexpected();
    if (this.#phase === 'beginning' || this.#phase === 'renewing' || this.#phase === 'ending')
      return this.#ownAnswer(type, octets);
    if (type === 'Z') return this.#becomeReady(octets);
    if (type === 'C') this.#tag = textsOf(octets)[0] ?? '';
    if (this.#tag === 'BEGIN' || this.#tag === 'START TRANSACTION') this.#inBlock = true;
    const isOurs = type === 'N' && sqlState(octets) === ACTIVE_TRANSACTION;
    const isExtended = this.#isSimple && (type === '1' || type === '2' || type === 'n');
    if (!isOurs && !isExtended) this.#ways.toDriver(octets);
  }

  /** One message of a batch. */
  #pass(type: string, octets: Buffer): void {
    // Behind a statement, nothing that the server would parse, plan or run: it could have ended our transaction.
    if (this.#isExecuted && !'CHS'.includes(type)) throw oneByOne();
    if (type === 'Q') {
      if (!this.#isEmpty) throw oneByOne();
      this.#isSimple = true;
      this.#phase = 'synced';
      for (const part of asOneStatement(octets)) this.#ways.toServer(part);
      return;
    }
    this.#isEmpty = false;
    if (type === 'E') this.#isExecuted = true;
    if (type === 'S') this.#phase = 'synced';
    this.#ways.toServer(octets);
  }

  #becomeReady(octets: Buffer): void {
    if (this.#phase !== 'synced') throw unexpected();
    const status = statusOf(octets);
    const isEnded = this.#tag === 'COMMIT' || this.#tag === 'ROLLBACK';
    this.#isExecuted = this.#isSimple = false;
    this.#isEmpty = true;
    this.#tag = '';
    if (status === IDLE) {
      this.#inBlock = false;
      this.#phase = 'ready';
      this.#ways.toDriver(octets);
    } else if (!this.#inBlock) {
      this.#phase = 'ending';
      this.#ways.toServer(COMMIT);
    } else if (isEnded && status === IN_TRANSACTION) {
      // AND CHAIN: another transaction, as READ ONLY as the last one, but its snapshot has to be taken before the driver goes on.
      this.#ready = Buffer.from(octets);
      this.#phase = 'renewing';
      this.#ways.toServer(SNAPSHOT);
    } else {
      this.#phase = 'ready';
      this.#ways.toDriver(octets);
    }
  }

  #ownAnswer(type: string, octets: Buffer): void {
    if (type === 'E') throw unexpected();
    if (type === 'S' || type === 'A') return this.#ways.toDriver(octets);
    if (type !== 'Z') return;
    const phase = this.#phase;
    if (statusOf(octets) !== (phase === 'ending' ? IDLE : IN_TRANSACTION)) throw unexpected();
    this.#phase = phase === 'beginning' ? 'batch' : 'ready';
    if (phase === 'renewing') this.#ways.toDriver(this.#ready!);
    else if (phase === 'ending') this.#ways.toDriver(octets);
    else {
      const [held, message] = this.#held!;
      this.#held = null;
      this.#pass(held, message);
    }
  }
}

function statusOf(octets: Buffer): string {
  return String.fromCharCode(octets[5]!);
}

function oneByOne(): DAuthError {
  return new DAuthError('INVALID_REQUEST', 'A session that only reads takes one statement at a time.');
}
