/**
 * Where one request ends and the next one begins on a socket (RFC 9112 §6), as our own HTTP client writes it.
 * Never looks into a body: only a head may be filled, so a body can carry whatever it likes.
 */

/** What the HTTP client writes in place of a head: a slot in the request line, then its own framing lines. */
const HEAD =
  /^[!#$%&'*+\-.^_`|~0-9A-Z]{1,32} \/([0-9a-f]{32}) HTTP\/1\.1\r\n(host: ([!-~]+)\r\nconnection: (?:keep-alive|close|upgrade\r\nupgrade: websocket)\r\n(?:content-length: (\d{1,15})\r\n\r\n|(transfer-encoding: chunked\r\n)|\r\n))$/;

type State =
  | { readonly kind: 'head' }
  | { readonly kind: 'length'; left: number }
  /** Between chunks: what was written of `CRLF size CRLF` so far. */
  | { readonly kind: 'chunk-size'; line: string }
  | { readonly kind: 'chunk-data'; left: number };

/** The head that a write turned out to be. */
export interface SlottedHead {
  readonly slot: string;
  /** Header lines that the HTTP client chose: host, connection, and how the body is framed. */
  readonly framing: Buffer;
  /** The host among them. */
  readonly host: string;
}

/** Follows the writes of one socket. */
export class RequestFraming {
  #state: State = { kind: 'head' };

  /**
   * Says what one write is: a head with its slot, or part of a body (`null`).
   * @throws TypeError where the bytes are neither: then nothing may go out, for what follows could be taken for a head
   */
  next(written: Buffer): SlottedHead | null {
    if (this.#state.kind === 'head') return this.#head(written);
    for (let at = 0; at < written.length;) at = this.#body(written, at);
    return null;
  }

  #head(written: Buffer): SlottedHead {
    const [, slot, framing, host, length, chunked] = HEAD.exec(written.toString('latin1')) ?? [];
    if (slot === undefined || framing === undefined || host === undefined) throw new TypeError('A head was expected.');
    if (chunked !== undefined) this.#state = { kind: 'chunk-size', line: '' };
    else if (Number(length ?? 0) > 0) this.#state = { kind: 'length', left: Number(length) };
    return { slot, framing: Buffer.from(framing, 'latin1'), host };
  }

  /** Reads from `at` as far as one state goes. */
  #body(written: Buffer, at: number): number {
    const state = this.#state;
    switch (state.kind) {
      case 'head':
        throw new TypeError('A body is longer than its head said.');
      case 'length':
      case 'chunk-data': {
        const taken = Math.min(state.left, written.length - at);
        state.left -= taken;
        if (state.left === 0)
          this.#state = state.kind === 'length' ? { kind: 'head' } : { kind: 'chunk-size', line: '' };
        return at + taken;
      }
      case 'chunk-size': {
        state.line += String.fromCharCode(written[at]!);
        if (state.line === '\r\n0\r\n\r\n') this.#state = { kind: 'head' };
        else if (!/^\r?$|^\r\n[0-9a-f]{0,12}\r?$|^\r\n[1-9a-f][0-9a-f]*\r\n$|^\r\n0\r\n\r?$/.test(state.line)) {
          throw new TypeError('A chunk size was expected.');
        } else if (/^\r\n[1-9a-f][0-9a-f]*\r\n$/.test(state.line)) {
          this.#state = { kind: 'chunk-data', left: Number.parseInt(state.line, 16) };
        }
        return at + 1;
      }
    }
  }
}
