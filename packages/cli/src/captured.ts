/**
 * Which connections are a login, or captured through one. A policy that is given whole says nothing of that: sealed for a login,
 * it would let the answers go back as they are. Of what was sealed here this device remembers it; of anything else it is
 * read out of the stored envelope, once that was verified to be by a key of its owner's. The authority is believed in neither.
 */
import { parseEnvelope, type ConnectionHandle } from '@dauth/protocol';
import type { Memory } from './memory.ts';
import { CliError, EXIT, usage } from './output.ts';

/** Remembered before either is sent. */
export function noteCaptured(seals: Memory, handles: readonly ConnectionHandle[]): void {
  for (const handle of handles) seals.advance(nameOf(handle), 1);
}

/** @throws CliError (usage) */
export function assertNotCaptured(seals: Memory, handle: ConnectionHandle, envelope: string): void {
  const { capture, captured } = parseEnvelope(envelope).header.dauth;
  if (capture === undefined && captured === undefined && !seals.highest().has(nameOf(handle))) return;
  throw usage(
    'A login and what is captured through it keep the policy that they were sealed with.',
    'Leave the policy out to seal a new value; or "connections rm" both, and connect again.',
  );
}

/** @param isGiven whether the next policy is given whole: then what is asked is whether the stored one is a login's */
export function unverified(why: string, isGiven: boolean): CliError {
  const [what, else_] = isGiven
    ? [
        'This device did not seal that connection, and cannot tell whether it is a login',
        'rotate it where it was sealed',
      ]
    : [
        'The stored policy cannot be used again',
        'give the whole policy: --name, --origin, --server and what goes with them',
      ];
  return new CliError(
    EXIT.integrity,
    'UNVERIFIED_POLICY',
    `${what}, so nothing was sealed or sent. ${why}`,
    `If another device of yours sealed it, name its key with --sealed-by THUMBPRINT. Or ${else_}.`,
  );
}

/** Beside the versions of its seals, whose names begin with a handle. */
function nameOf(handle: ConnectionHandle): string {
  return `captured ${handle}`;
}
