/**
 * The words of a WebSocket's handshake and its end (RFC 6455) that more than one room knows: subprotocols and close codes.
 * Never a frame: those end in the executor, and in the library of whoever asked.
 */
import { LIMITS } from './limits.ts';
import { distinct, list, refuse } from './shape.ts';

/** RFC 6455 §4.1 item 10: an HTTP token. */
const SUBPROTOCOL = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;

/** What a caller offers to speak, in its order. @throws DAuthError `INVALID_REQUEST` */
export function parseSubprotocols(value: unknown): readonly string[] {
  return distinct(
    list(value, 'The offered subprotocols', 0, LIMITS.subprotocols, parseSubprotocol),
    'The offered subprotocols',
    String,
  );
}

function parseSubprotocol(value: unknown): string {
  return typeof value === 'string' && SUBPROTOCOL.test(value)
    ? value
    : refuse('A subprotocol is an HTTP token of at most 128 characters.');
}

/** Codes that no frame may carry, or that nobody has given a meaning (RFC 6455 §7.4, and the registry it made). */
const NOT_SENT: ReadonlySet<number> = new Set([1004, 1005, 1006]);

/** Whether a close frame may carry the code. */
export function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && !NOT_SENT.has(code)) || (code >= 3000 && code <= 4999);
}
