/**
 * Reseals (§6): what the executor states about a version that it made out of another, and the one header such a version can have.
 * Never says that a statement is good: who signed it is for `@dauth/verify`, or the client's own check.
 */
import { encodeEnvelopeHeader, type Envelope, type EnvelopeHeader } from './envelope.ts';
import { parseHandle, type ConnectionHandle } from './handle.ts';
import { parseThumbprint } from './jwk.ts';
import type { JsonObject } from './json.ts';
import { exactObject, integer, refuse, seconds } from './shape.ts';

/** One version of a credential, by its number and the digest of its envelope. */
export interface SealedVersion {
  readonly ver: number;
  readonly sha256: string;
}

export interface Reseal {
  readonly handle: ConnectionHandle;
  /** The owner's last version, which the seal proof is over. */
  readonly base: SealedVersion;
  readonly from: SealedVersion;
  readonly to: SealedVersion;
  /** Unix seconds when the answer came that this version's credential was captured out of (§2.8). */
  readonly captured_at?: number;
}

/** @throws DAuthError `INVALID_REQUEST` */
export function parseReseal(claims: JsonObject): Reseal {
  const said = exactObject(claims, 'A reseal statement', ['handle', 'base', 'from', 'to'], ['captured_at']);
  const [base, from, to] = [version(said.base, '"base"'), version(said.from, '"from"'), version(said.to, '"to"')];
  if (base.ver > from.ver || (base.ver === from.ver && base.sha256 !== from.sha256))
    refuse('A reseal statement begins with the version that its owner sealed.');
  if (to.ver !== from.ver + 1) refuse('A reseal statement is about a version and the one after it.');
  const at = said.captured_at === undefined ? {} : { captured_at: seconds(said.captured_at, '"captured_at"') };
  return Object.freeze({ handle: parseHandle(said.handle), base, from, to, ...at });
}

/**
 * The header of the version after `header`, sealed to `key`: nothing else in it changes.
 * @throws DAuthError `INVALID_REQUEST`, `PAYLOAD_TOO_LARGE` where there is no such version
 */
export function nextHeader(header: EnvelopeHeader, { kid, alg }: Pick<EnvelopeHeader, 'kid' | 'alg'>): string {
  return encodeEnvelopeHeader({ ...header, kid, alg, dauth: { ...header.dauth, ver: header.dauth.ver + 1 } });
}

/** @throws DAuthError `INVALID_REQUEST` where `next` says anything else than `current` but version, key and algorithm */
export function assertResealed(current: Envelope, next: Envelope): void {
  if (nextHeader(current.header, next.header) !== next.protectedSegment)
    refuse('A reseal changes the version, the key and the algorithm, and nothing else of a header.');
}

function version(value: unknown, what: string): SealedVersion {
  const said = exactObject(value, what, ['ver', 'sha256']);
  return Object.freeze({
    ver: integer(said.ver, '"ver"', 1, 2 ** 31),
    sha256: parseThumbprint(said.sha256, '"sha256"'),
  });
}
