/**
 * What a login that says no may say (§2.8): one JSON text in which nothing looks like a credential or is named like one, nor like
 * another document that may hold one. Never makes a string of anything in it, and never lets by what it cannot read to its end.
 */
import { LIMITS, pointerNames, type CapturedValue } from '@dauth/protocol';
import { Utf8Check } from '../frames/utf8-check.ts';
import { letterOf, unitAt, widthAt } from './json-members.ts';
import { ascii, walkJson } from './json-walk.ts';
import { ownedBytes, wipe } from './memory.ts';

/**
 * What a name has in it that is one of a credential, in small letters and digits alone. Wider than what is looked for beside a
 * token that is captured: there the login would be lost, and here no more than what an API says of its refusal.
 */
const CREDENTIAL = ['token', 'jwt', 'secret', 'session', 'cookie', 'ticket', 'apikey'].map(octetsOf);
/** Of JSON, markup, a form and a URL with a query, or of any of them once more encoded. */
const OF_DOCUMENTS: ReadonlySet<number> = new Set(ascii('{<=%'));
/** Letters, digits, and what stands between them in tokens. Not "/": between two of it stand words of an address. */
const OF_TOKENS: ReadonlySet<number> = new Set(
  ascii('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_.~-'),
);
/** Letters in a row: no word has so many. */
const NO_WORD = 32;
/** The first octets of `null`, `true` and `false`. */
const LITERAL: ReadonlySet<number> = new Set(ascii('ntf'));

/** @param fields where a login that says yes has its credentials: nothing is named like one of them either */
export function isHarmless(answer: Buffer, fields: readonly CapturedValue[]): boolean {
  const utf8 = new Utf8Check();
  if (!utf8.takes(answer) || !utf8.isWhole) return false;
  const ways = fields.map(({ pointer }) => pointerNames(pointer).map(lettersOfName));
  const ends = ways.flatMap((names) => names.slice(-1));
  const through = ways.flatMap((names) => names.slice(0, -1));
  let members = 0;
  const isTaken = walkJson(answer, {
    entering: (name) => name === null || ++members <= LIMITS.capturedMembers,
    left: (name, value) => {
      if (isEmpty(value)) return true;
      const letters = lettersOf(name);
      const isNamed = CREDENTIAL.some((stem) => letters.includes(stem)) || ends.some((end) => letters.equals(end));
      // On the way to a credential there are objects. Where there is anything else, it may be the credential.
      const isOnWay = value[0] !== 0x7b && through.some((step) => letters.equals(step));
      wipe(letters);
      return !isNamed && !isOnWay;
    },
  });
  return isTaken && !hasDocument(answer) && !hasToken(answer);
}

/** A value that is no credential, however it is named. */
function isEmpty(value: Buffer): boolean {
  return LITERAL.has(value[0]!) || (value[0] === 0x22 && value.length === 2);
}

function lettersOfName(name: string): Buffer {
  return octetsOf(name.toLowerCase().replaceAll(/[^a-z0-9]/g, ''));
}

function octetsOf(text: string): Buffer {
  return Buffer.from(text, 'ascii');
}

/** As it is meant, in small letters and digits alone. */
function lettersOf(name: Buffer): Buffer {
  const whole = ownedBytes(name.length);
  let length = 0;
  for (let at = 0; at < name.length; at += widthAt(name, at)) {
    const letter = letterOf(unitAt(name, at));
    if (letter !== null) whole[length++] = letter;
  }
  return whole.subarray(0, length);
}

/** Whether a text of it, a name or a value, has what another document would be made of, as it is or in escapes. */
function hasDocument(json: Buffer): boolean {
  let isText = false;
  for (let at = 0; at < json.length; at += isText ? widthAt(json, at) : 1) {
    if (json[at] === 0x22) isText = !isText;
    else if (isText && OF_DOCUMENTS.has(unitAt(json, at))) return true;
  }
  return false;
}

/**
 * Whether anything in it could be a token, however it is named: as many letters and digits in one piece as a captured value has at
 * least (§2.8), one of them a digit, or more letters than a word has.
 */
function hasToken(json: Buffer): boolean {
  let [length, letters, hasDigit] = [0, 0, false];
  for (let at = 0; at < json.length; at += widthAt(json, at)) {
    const unit = unitAt(json, at);
    if (!OF_TOKENS.has(unit)) [length, letters, hasDigit] = [0, 0, false];
    else {
      length++;
      letters = unit >= 0x41 && unit !== 0x5f && unit !== 0x7e ? letters + 1 : 0;
      hasDigit ||= unit >= 0x30 && unit <= 0x39;
      if ((hasDigit && length >= LIMITS.guessableValue) || letters >= NO_WORD) return true;
    }
  }
  return false;
}
