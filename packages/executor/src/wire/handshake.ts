/**
 * The executor's own handshake with an upstream (RFC 6455 §4.1), and its answer to a caller's (§4.2.2). Each has a key of its
 * own: the caller's goes nowhere.
 * Never takes a 101 for one that is not to this request: with an extension nobody asked for, frames could not be read.
 */
import { createHash, randomBytes } from 'node:crypto';
import { DAuthError } from '@dauth/protocol';

/** RFC 6455 §1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The value of `Sec-WebSocket-Accept` that a key is answered with. */
export function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}

export class UpstreamHandshake {
  readonly #key = randomBytes(16).toString('base64');
  readonly #offered: readonly string[];

  /** @param offered subprotocols of the caller's */
  constructor(offered: readonly string[]) {
    this.#offered = offered;
  }

  /** Header lines, each with its CRLF; no extension among them. */
  get lines(): string {
    const offers = this.#offered.length === 0 ? '' : `sec-websocket-protocol: ${this.#offered.join(', ')}\r\n`;
    return `sec-websocket-key: ${this.#key}\r\nsec-websocket-version: 13\r\n${offers}`;
  }

  /**
   * RFC 6455 §4.1, of a 101 with `Upgrade` and `Connection`.
   * @param raw name and value in turn
   * @returns the subprotocol, where one was chosen
   * @throws DAuthError `RESPONSE_UNSCANNABLE`
   */
  check(raw: readonly Buffer[]): string | null {
    const values = (name: string): string[] =>
      raw.flatMap((part, at) =>
        at % 2 === 0 && part.toString('latin1').toLowerCase() === name ? [raw[at + 1]!.toString('latin1').trim()] : [],
      );
    const [upgrade, accept] = [values('upgrade'), values('sec-websocket-accept')];
    if (upgrade.length !== 1 || upgrade[0]!.toLowerCase() !== 'websocket') throw unusable();
    if (accept.length !== 1 || accept[0] !== acceptOf(this.#key)) throw unusable();
    if (values('sec-websocket-extensions').length > 0) throw unusable();
    const chosen = values('sec-websocket-protocol');
    if (chosen.length > 1 || chosen.some((one) => !this.#offered.includes(one))) throw unusable();
    return chosen[0] ?? null;
  }
}

function unusable(): DAuthError {
  return new DAuthError(
    'RESPONSE_UNSCANNABLE',
    'The upstream answered the WebSocket handshake with one that does not belong to it, which cannot be checked.',
  );
}
