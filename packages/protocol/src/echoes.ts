/**
 * What becomes of an answer that holds the credential (§2.1 `echoes`): stars where it stood, or, where the owner sealed it so, nothing of
 * the answer goes back. Never for what cannot be held until its end.
 */
import type { AllowRule } from './policy.ts';
import { refuse } from './shape.ts';

/** An answer with the credential in it is refused whole. Stars have no name: they are what absence means. */
export type Echoes = 'refused';

/** What a connection has besides. */
interface Held {
  readonly allow: readonly AllowRule[];
  readonly isDatabase: boolean;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseEchoes(value: unknown, { allow, isDatabase }: Held): Echoes {
  if (value !== 'refused') refuse('"echoes" is "refused", or absent: then stars stand where the credential stood.');
  if (isDatabase || allow.some(({ websocket }) => websocket === true))
    refuse('"echoes" goes with requests whose answer can be held until its end: no database and no WebSocket.');
  return value;
}
