/**
 * The members of one JSON object (RFC 8259) that count, octet by octet, out of an answer that holds a credential.
 * Never makes a string or a JSON value of anything in it.
 */
import { ascii, ESCAPES, hexDigit, walkObject } from './json-walk.ts';
import { copyOctets, ownedBytes, wipe } from './memory.ts';

/** Views into the text, as the values stand there: a text with its quotes. Null where a member is not there. */
export type Members<Name extends string> = Record<Name, Buffer | null>;

/** Longer than any name or value that counts, escaped octet by octet. */
const MAX_ESCAPED = 6;

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
  for (let at = 0; at < text.length;) {
    let octet = text[at++]!;
    if (octet === 0x5c) {
      const name = text[at++]!;
      octet = ESCAPES.get(name) ?? unitAt(text, at);
      if (!ESCAPES.has(name)) at += 4;
    }
    if (octet > 0x7f) {
      wipe(whole);
      return null;
    }
    whole[length++] = octet;
  }
  const decoded = ownedBytes(length);
  copyOctets(decoded, whole.subarray(0, length));
  wipe(whole);
  return decoded;
}

/** @param text without its quotes */
export function isText(text: Buffer, wanted: Uint8Array, ignoresCase: boolean): boolean {
  if (text.length > wanted.length * MAX_ESCAPED) return false;
  const decoded = decodeText(text);
  if (decoded?.length !== wanted.length) return false;
  const isSame = wanted.every((octet, index) => {
    const given = decoded[index]!;
    return given === octet || (ignoresCase && given >= 0x41 && given <= 0x5a && (given | 0x20) === octet);
  });
  wipe(decoded);
  return isSame;
}

/** The number of `\uXXXX`, from behind the `u`. */
function unitAt(text: Buffer, at: number): number {
  let unit = 0;
  for (let index = 0; index < 4; index++) unit = unit * 16 + hexDigit(text[at + index]);
  return unit;
}
