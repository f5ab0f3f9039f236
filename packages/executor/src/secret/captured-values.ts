/**
 * Where the values stand in an answer that an owner's pointers lead to (§2.8), octet by octet.
 * Never makes a string of anything in it, and never takes an answer that two readers could read differently.
 */
import { DAuthError, LIMITS, pointerNames, type CapturedValue } from '@dauth/protocol';
import { whyUnfindable } from './inject.ts';
import { decodeText, isText } from './json-members.ts';
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
  text: Buffer | null;
}

/** RFC 6749 §5.1, OpenID Connect Core §3.1.3.3, and as programs in camel case name them. */
const CREDENTIALS = ['access_token', 'refresh_token', 'id_token', 'accesstoken', 'refreshtoken', 'idtoken'].map(ascii);

/** @throws DAuthError `RESPONSE_UNSCANNABLE` with the reason, and without a word of the answer */
export function findCaptured(answer: Buffer, fields: readonly CapturedValue[]): readonly FoundValue[] {
  const ways = fields.map(({ pointer, field }): Way => {
    return { field, names: pointerNames(pointer).map(ascii), entered: 0, text: null };
  });
  const others: Buffer[] = [];
  /** Per depth, the ways that lead through the value there. */
  const through: (readonly Way[])[] = [];
  const isTaken = walkObject(answer, {
    entering: (name, depth) => {
      const above = depth === 0 ? ways : (through[depth - 1] ?? []);
      const here = name === null ? [] : above.filter(({ names }) => isNamed(name, names[depth]));
      through[depth] = here;
      return here.every((way) => way.entered++ === depth);
    },
    left: (name, value, depth) => {
      const ends = (through[depth] ?? []).filter(({ names }) => names.length === depth + 1);
      const isText = value[0] === 0x22;
      for (const way of ends) way.text = isText ? value : null;
      if (isText && ends.length === 0 && isCredential(name)) others.push(value);
      return true;
    },
  });
  if (!isTaken) throw uncaptured('is no JSON object in which each captured value stands once');
  if (ways.some(({ text }) => text === null)) throw uncaptured('does not have a text at each pointer of "capture"');
  if (others.length > 0) throw uncaptured('holds a token besides, by its name, which "capture" does not take');
  return taken(answer, ways);
}

function taken(answer: Buffer, ways: readonly Way[]): readonly FoundValue[] {
  const found: FoundValue[] = [];
  for (const { field, text } of ways) {
    const value = decodeText(text!.subarray(1, -1));
    if (value === null || !isSecret(value)) {
      wipe(value, ...found.map((each) => each.value));
      throw uncaptured('has a captured value that is too short, too long, too regular or no visible ASCII');
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

function isNamed(name: Buffer, wanted: Uint8Array | undefined): boolean {
  return wanted !== undefined && isText(name, wanted, false);
}

function isCredential(name: Buffer): boolean {
  return CREDENTIALS.some((known) => isText(name, known, true));
}

export function uncaptured(why: string): DAuthError {
  return new DAuthError(
    'RESPONSE_UNSCANNABLE',
    `The upstream answer ${why}, so nothing of it is passed on. Its owner has to check what is captured.`,
  );
}
