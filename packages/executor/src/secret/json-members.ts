/**
 * The members of one JSON object (RFC 8259) that count, octet by octet, out of an answer that holds a credential.
 * Never makes a string or a JSON value of anything in it.
 */
import { ascii, ESCAPES, hexDigit, walkObject } from './json-walk.ts';
import { copyOctets, ownedBytes, wipe } from './memory.ts';

/** Views into the text, as the values stand there: a text with its quotes. Null where a member is not there. */
export type Members<Name extends string> = Record<Name, Buffer | null>;

/** @returns null where it is no JSON object, or one in which a name that counts stands twice, however it is spelled */
export function readMembers<Name extends string>(json: Buffer, names: readonly Name[]): Members<Name> | null {
  const found = new Found(names);
  return walkObject(json, found) ? found.members : null;
}

class Found<Name extends string> {
  readonly members: Members<Name>;
  readonly #names: readonly (readonly [name: Name, octets: Uint8Array])[];

  constructor(names: readonly Name[]) {
    this.#names = names.map((name) => [name, ascii(name)]);
    this.members = Object.fromEntries(names.map((name) => [name, null])) as Members<Name>;
  }

  entering(): true {
    return true;
  }

  /** Keeps a member that counts. Twice, it could be read differently by two readers. */
  left(name: Buffer, value: Buffer, depth: number): boolean {
    const [known] = this.#names.find(([, octets]) => depth === 0 && isText(name, octets, false)) ?? [];
    if (known === undefined) return true;
    if (this.members[known] !== null) return false;
    this.members[known] = value;
    return true;
  }
}

/** @param text without its quotes @returns its octets as they are meant, in owned memory; null where one is beyond ASCII */
export function decodeText(text: Buffer): Buffer | null {
  const whole = ownedBytes(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at += widthAt(text, at)) {
    const unit = unitAt(text, at);
    if (unit > 0x7f) {
      wipe(whole);
      return null;
    }
    whole[length++] = unit;
  }
  const decoded = ownedBytes(length);
  copyOctets(decoded, whole.subarray(0, length));
  wipe(whole);
  return decoded;
}

/**
 * Compares where it stands, without a copy: an answer may have thousands of names, each of which is compared with many.
 * @param text without its quotes
 * @param wanted in small letters where case is ignored
 */
export function isText(text: Buffer, wanted: Uint8Array, ignoresCase: boolean): boolean {
  if (text.length < wanted.length) return false;
  let at = 0;
  for (let index = 0; index < wanted.length; index++) {
    if (at >= text.length) return false;
    const unit = unitAt(text, at);
    const isCapital = ignoresCase && unit >= 0x41 && unit <= 0x5a;
    if ((isCapital ? unit | 0x20 : unit) !== wanted[index]) return false;
    at += widthAt(text, at);
  }
  return at === text.length;
}

/** Likewise by small letters and digits alone: `Access-Token`, `access_token` and `accessToken` are one name, `accesstoken`. */
export function isSpelled(text: Buffer, letters: Uint8Array): boolean {
  let index = 0;
  for (let at = 0; at < text.length; at += widthAt(text, at)) {
    const letter = letterOf(unitAt(text, at));
    if (letter !== null && letter !== letters[index++]) return false;
  }
  return index === letters.length;
}

/** A small letter or digit, or null where it is neither in any case. */
export function letterOf(unit: number): number | null {
  const small = unit >= 0x41 && unit <= 0x5a ? unit | 0x20 : unit;
  return (small >= 0x61 && small <= 0x7a) || (small >= 0x30 && small <= 0x39) ? small : null;
}

/** Octets in which one character stands: itself, or an escape (RFC 8259 §7). */
export function widthAt(text: Buffer, at: number): number {
  if (text[at] !== 0x5c) return 1;
  return text[at + 1] === 0x75 ? 6 : 2;
}

/** What they mean: an octet, or the number of `\uXXXX`. */
export function unitAt(text: Buffer, at: number): number {
  if (text[at] !== 0x5c) return text[at]!;
  const escaped = ESCAPES.get(text[at + 1]!);
  if (escaped !== undefined) return escaped;
  let unit = 0;
  for (let index = 2; index < 6; index++) unit = unit * 16 + hexDigit(text[at + index]);
  return unit;
}
