/**
 * Where slots go in a JSON body: each becomes the first member of an object that is there (RFC 6901 pointers, §5.4).
 * Never takes a document that two readers could read differently, and never one that has a member of a slot's name.
 */
import { DAuthError, decodeUtf8, foldName, LIMITS, parseJson, pointerNames, type BodySlot } from '@dauth/protocol';
import { decodeText } from '../door/upload.ts';
import type { Place } from './body-slots.ts';
import { taken } from './collision.ts';

type JsonSlot = Extract<BodySlot, { pointer: string }>;

/** The part of the pointers that lies inside one object: by folded name, the slots and the objects further in. */
interface Level {
  readonly slots: Map<string, JsonSlot>;
  readonly inner: Map<string, { readonly name: string; readonly level: Level }>;
}

/** An object or list that the walk is in. */
interface Frame {
  readonly isObject: boolean;
  /** Null where no pointer leads. */
  readonly level: Level | null;
  /** What the value behind the last name is to the pointers. */
  next: Level | null;
  awaitsName: boolean;
}

/** @throws DAuthError `INVALID_REQUEST`, `POLICY_DENIED` */
export function placesInJson(octets: Uint8Array, slots: readonly JsonSlot[]): readonly Place[] {
  // Checked as a text: from here on it is one well-formed document without two members of a name.
  parseJson(decodeText(octets), LIMITS.injectedBody, 'any', LIMITS.bodyValues);
  const places: Place[] = [];
  const frames: Frame[] = [];
  for (let at = 0; at < octets.length; at++) {
    const frame = frames.at(-1);
    switch (octets[at]) {
      case 0x7b: {
        const level = frame === undefined ? levelOf(slots) : frame.next;
        if (level !== null) places.push(...placesAt(octets, at + 1, level));
        frames.push({ isObject: true, level, next: null, awaitsName: true });
        break;
      }
      case 0x5b:
        frames.push({ isObject: false, level: null, next: null, awaitsName: false });
        break;
      case 0x7d:
      case 0x5d:
        frames.pop();
        break;
      case 0x2c:
        if (frame !== undefined) frame.awaitsName = frame.isObject;
        break;
      case 0x22: {
        const end = stringEnd(octets, at);
        if (frame?.awaitsName === true) {
          frame.awaitsName = false;
          frame.next = frame.level === null ? null : innerLevel(octets.subarray(at, end), frame.level);
        }
        at = end - 1;
        break;
      }
      default:
        break;
    }
  }
  if (places.length < slots.length)
    throw new DAuthError(
      'POLICY_DENIED',
      'The JSON body has no object where the sealed credential goes; send the one that its pointer leads into.',
    );
  return places;
}

function levelOf(slots: readonly JsonSlot[]): Level {
  const root: Level = { slots: new Map(), inner: new Map() };
  for (const slot of slots) {
    const names = pointerNames(slot.pointer);
    let level = root;
    for (const name of names.slice(0, -1)) {
      const step = level.inner.get(foldName(name)) ?? { name, level: { slots: new Map(), inner: new Map() } };
      level.inner.set(foldName(name), step);
      level = step.level;
    }
    level.slots.set(foldName(names.at(-1)!), slot);
  }
  return root;
}

/** First, so that their place says nothing about what the caller sent, and no limit of a reader cuts them off. */
function placesAt(octets: Uint8Array, at: number, { slots }: Level): readonly Place[] {
  let first = at;
  while ([0x20, 0x09, 0x0a, 0x0d].includes(octets[first]!)) first++;
  const isEmpty = octets[first] === 0x7d;
  return [...slots.values()].map((slot, index) => ({
    slot,
    at,
    // A pointer's characters need no escape.
    before: `"${pointerNames(slot.pointer).at(-1)!}":"`,
    behind: isEmpty && index === slots.size - 1 ? '"' : '",',
  }));
}

/** Behind the closing quote. */
function stringEnd(octets: Uint8Array, start: number): number {
  let at = start + 1;
  while (octets[at] !== 0x22) at += octets[at] === 0x5c ? 2 : 1;
  return at + 1;
}

/**
 * Where a member leads. Readers that ignore case (Go's is one) take `TOKEN` for `token`, and the later one: so no name may be
 * a slot's, or one on the way to it, in other letters.
 */
function innerLevel(literal: Uint8Array, { slots, inner }: Level): Level | null {
  const name = JSON.parse(decodeUtf8(literal)) as string;
  const folded = foldName(name);
  const step = inner.get(folded);
  if (slots.has(folded) || (step !== undefined && step.name !== name)) throw taken();
  return step?.level ?? null;
}
