/**
 * What passes between a driver and a database that is logged in to, message by message (PostgreSQL documentation §55.7).
 * Never lets a message through by default: what is not named here ends the session.
 */
import { DAuthError } from '@dauth/protocol';

/** Where messages go. */
export interface Ways {
  readonly toServer: (octets: Buffer) => void;
  readonly toDriver: (octets: Buffer) => void;
}

export interface Gate {
  /** Whether the driver's next message has to wait for the server. */
  readonly isWaiting: boolean;
  /** Whether the server owes an answer. */
  readonly isBusy: boolean;
  /** @throws DAuthError to end the session */
  fromDriver(type: string, octets: Buffer): void;
  fromServer(type: string, octets: Buffer): void;
}

/** Query, Parse, Bind, Describe, Execute, Close, Flush, Sync. Not FunctionCall: what it does no text says. */
export const STATEMENTS = 'QPBDECHS';
const COPY_IN = 'dcf';
/** After the login there is no authentication, and no stream of a replica. */
const ANSWERS = '123CDEHINSTAtnsZdc';

/** A session that may write: any statement, in any form; the database decides what its user may. */
export class OpenGate implements Gate {
  readonly isWaiting = false;
  readonly #ways: Ways;
  #owed = 0;
  #isOpen = false;

  constructor(ways: Ways) {
    this.#ways = ways;
  }

  get isBusy(): boolean {
    return this.#isOpen || this.#owed > 0;
  }

  fromDriver(type: string, octets: Buffer): void {
    if (!STATEMENTS.includes(type) && !COPY_IN.includes(type)) throw notTaken();
    this.#isOpen = type !== 'S' && type !== 'Q';
    if (!this.#isOpen) this.#owed++;
    this.#ways.toServer(octets);
  }

  fromServer(type: string, octets: Buffer): void {
    if (type !== 'G' && !ANSWERS.includes(type)) throw unexpected();
    if (type === 'Z') this.#owed--;
    this.#ways.toDriver(octets);
  }
}

export function isAnswer(type: string): boolean {
  return ANSWERS.includes(type);
}

export function notTaken(): DAuthError {
  return new DAuthError('INVALID_REQUEST', 'The session does not take that message.');
}

export function unexpected(): DAuthError {
  return new DAuthError('RESPONSE_UNSCANNABLE', 'The database said what no session expects.');
}
