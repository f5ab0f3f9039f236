/**
 * Which connections of this device are a login, or captured through one. A policy that is given whole says nothing of that: sealed
 * for a login, it would let the answers go back as they are. What the authority shows is looked at too, and not believed alone.
 */
import { parseEnvelope, type ConnectionHandle } from '@dauth/protocol';
import type { Memory } from './memory.ts';
import { usage } from './output.ts';

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

/** Beside the versions of its seals, whose names begin with a handle. */
function nameOf(handle: ConnectionHandle): string {
  return `captured ${handle}`;
}
