/**
 * Where the heads of an answer end (RFC 9112 §2.1), in pieces as they come: those of interim answers, and the one behind them.
 * Never takes the end of an interim head for the last: what stands behind it becomes strings in the HTTP client.
 */

const [CARRIAGE_RETURN, LINE_FEED] = [0x0d, 0x0a];
const EMPTY_LINE = [CARRIAGE_RETURN, LINE_FEED, CARRIAGE_RETURN, LINE_FEED];
/** In `HTTP/1.1 200`. */
const STATUS = 9;

export class AnswerHeads {
  /** Octets of this head so far, and how many of its last are those of an empty line. */
  #length = 0;
  #ending = 0;
  #isLast = false;
  #isOver = false;

  /** @returns how many of the octets are of heads; null where the last of them is not over */
  take(octets: Buffer): number | null {
    let at = 0;
    while (!this.#isOver && at < octets.length) this.#take(octets[at++]!);
    return this.#isOver ? at : null;
  }

  #take(octet: number): void {
    // Empty lines before a head are none behind it: the HTTP client passes over them.
    if (this.#length === 0 && (octet === CARRIAGE_RETURN || octet === LINE_FEED)) return;
    // Whatever is no final status counts as interim: rather too much is starred out than too little.
    if (this.#length === STATUS) this.#isLast = octet >= 0x32 && octet <= 0x39;
    this.#length++;
    const restarts = octet === CARRIAGE_RETURN ? 1 : 0;
    this.#ending = octet === EMPTY_LINE[this.#ending] ? this.#ending + 1 : restarts;
    if (this.#ending < EMPTY_LINE.length) return;
    this.#isOver = this.#isLast;
    [this.#length, this.#ending, this.#isLast] = [0, 0, false];
  }
}

/** Behind the last empty line, or null where there is none. */
export function lastHeadEnd(octets: Buffer): number | null {
  const at = octets.lastIndexOf('\r\n\r\n');
  return at < 0 ? null : at + 4;
}
