/** One end's octets, whatever socket they go over. Types only. */

/** Who reads an end. Octets are the line's again when the call returns, and may be changed in place. */
export interface LineReader {
  octets(octets: Buffer): void;
  /** What was written before has gone. */
  drained(): void;
  /** Nothing more comes. May be called more than once. */
  ended(): void;
}

export interface Line {
  /** From here on `reader` gets what comes; called once. */
  listen(reader: LineReader): void;
  /** Takes the octets, and zeroes them once they are written. @returns false where the reader of the other end should wait for `drained` */
  send(octets: Buffer): boolean;
  /** Stop taking from the socket; take again. */
  hold(): void;
  release(): void;
  /** Ends it behind what was written. */
  end(): void;
  /** Ends it now. */
  destroy(): void;
}
