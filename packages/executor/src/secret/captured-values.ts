/**
 * Where the values stand in an answer that an owner's pointers lead to (§2.8), octet by octet.
 * Never makes a string of anything in it, and never takes an answer that two readers could read differently.
 */
import { DAuthError, LIMITS, pointerNames, type CapturedValue } from '@dauth/protocol';
import { whyUnfindable } from './inject.ts';
import { decodeText, isSpelled, isText } from './json-members.ts';
import { ascii, walkObject } from './json-walk.ts';
import { wipe } from './memory.ts';

/** A text in the answer, quotes included, and what it says in owned memory which the caller zeroes. */
export interface FoundValue {
  readonly field: string;
  readonly start: number;
  readonly end: number;
  readonly value: Buffer;
}

interface Way {
  readonly field: string;
  readonly names: readonly Uint8Array[];
  /** How many of the names were come upon, each of which stands once. */
  entered: number;
  /** As it stands at its end, of whatever kind. */
  value: Buffer | null;
}

/** An answer as far as it was read. */
interface Seen {
  /** One JSON text whose members are few enough, and in which no name on a way stands twice. */
  readonly isTaken: boolean;
  readonly ways: readonly Way[];
  /** Whether a member that no way leads to, nor through, is named like a credential, and may hold one. */
  readonly hasOthers: boolean;
}

/** RFC 6749 §5.1, OpenID Connect Core §3.1.3.3, and what else programs call a credential, however they spell it. */
const CREDENTIALS = [
  ...['accesstoken', 'refreshtoken', 'idtoken', 'sessiontoken', 'authtoken', 'mfatoken', 'token', 'jwt'],
  ...['apikey', 'clientsecret', 'secret'],
].map(ascii);

/** @throws DAuthError `RESPONSE_UNSCANNABLE` with the reason, and without a word of the answer */
export function findCaptured(answer: Buffer, fields: readonly CapturedValue[]): readonly FoundValue[] {
  const { isTaken, ways, hasOthers } = look(answer, fields);
  if (!isTaken) throw uncaptured('is no JSON object in which each captured value stands once, or has too many members');
  if (ways.some(({ value }) => value?.[0] !== 0x22))
    throw uncaptured('does not have a text at each pointer of "capture"');
  if (hasOthers) throw uncaptured('holds a credential besides, by its name, which "capture" does not take');
  return taken(answer, ways);
}

function look(answer: Buffer, fields: readonly CapturedValue[]): Seen {
  const ways = fields.map(({ pointer, field }): Way => {
    return { field, names: pointerNames(pointer).map(ascii), entered: 0, value: null };
  });
  let members = 0;
  let hasOthers = false;
  /** Per depth, the ways that lead through the value there. */
  const through: (readonly Way[])[] = [];
  const isTaken = walkObject(answer, {
    entering: (name, depth) => {
      // Each name is compared with many while other calls wait.
      if (name !== null && ++members > LIMITS.capturedMembers) return false;
      const above = depth === 0 ? ways : (through[depth - 1] ?? []);
      const here = name === null ? [] : above.filter(({ names }) => isNamed(name, names[depth]));
      through[depth] = here;
      return here.every((way) => way.entered++ === depth);
    },
    left: (name, value, depth) => {
      const here = through[depth] ?? [];
      const ends = here.filter(({ names }) => names.length === depth + 1);
      for (const way of ends) way.value = value;
      hasOthers ||= here.length === 0 && mayHold(value) && isCredential(name);
      return true;
    },
  });
  return { isTaken, ways, hasOthers };
}

function taken(answer: Buffer, ways: readonly Way[]): readonly FoundValue[] {
  const found: FoundValue[] = [];
  let total = 0;
  for (const { field, value: text } of ways) {
    const value = decodeText(text!.subarray(1, -1));
    total += value?.length ?? 0;
    if (value === null || !isSecret(value) || total > LIMITS.injectedTotal) {
      wipe(value, ...found.map((each) => each.value));
      throw uncaptured('has captured values that are too short, too long, too regular or no visible ASCII');
    }
    const start = text!.byteOffset - answer.byteOffset;
    found.push({ field, start, end: start + text!.length, value });
  }
  return found;
}

/** What a header can carry, what answers can be searched for, and nothing that could be guessed by its place. */
function isSecret(value: Buffer): boolean {
  const isVisible = value.every((octet) => octet >= 0x21 && octet <= 0x7e);
  return isVisible && value.length >= LIMITS.guessableValue && whyUnfindable(value) === null;
}

/** A text that says something, a list or an object: no credential is a number, and none is nothing. */
function mayHold(value: Buffer): boolean {
  return value[0] === 0x22 ? value.length > 2 : value[0] === 0x5b || value[0] === 0x7b;
}

function isNamed(name: Buffer, wanted: Uint8Array | undefined): boolean {
  return wanted !== undefined && isText(name, wanted, false);
}

function isCredential(name: Buffer): boolean {
  return CREDENTIALS.some((known) => isSpelled(name, known));
}

export function uncaptured(why: string): DAuthError {
  return new DAuthError(
    'RESPONSE_UNSCANNABLE',
    `The upstream answer ${why}, so nothing of it is passed on. Its owner has to check what is captured.`,
  );
}
