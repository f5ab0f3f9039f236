/**
 * The members of one JSON object (RFC 8259) that count, octet by octet, out of an answer that holds a credential.
 * Never makes a string or a JSON value of anything in it.
 */
import { copyOctets, ownedBytes, wipe } from './memory.ts';

/** Views into the text, as the values stand there: a text with its quotes. Null where a member is not there. */
export type Members<Name extends string> = Record<Name, Buffer | null>;

/** RFC 8259 §7, without `u`. */
const ESCAPES: ReadonlyMap<number, number> = new Map(
  Object.entries({ '"': 0x22, '\\': 0x5c, '/': 0x2f, b: 8, f: 12, n: 10, r: 13, t: 9 }).map(([name, octet]) => [
    name.charCodeAt(0),
    octet,
  ]),
);
const LITERALS = ['true', 'false', 'null'].map(ascii);
/** As for JSON everywhere here (§1.1). */
const MAX_DEPTH = 32;
/** Longer than any name or value that counts, escaped octet by octet. */
const MAX_ESCAPED = 6;

/** @returns null where it is no JSON object, or one in which a name that counts stands twice, however it is spelled */
export function readMembers<Name extends string>(json: Buffer, names: readonly Name[]): Members<Name> | null {
  return new Reader(json, names).read();
}

/** A position in JSON (RFC 8259), which only moves on over what is well-formed. */
class Reader<Name extends string> {
  readonly #json: Buffer;
  readonly #names: readonly (readonly [name: Name, octets: Uint8Array])[];
  readonly #found: Members<Name>;
  #at = 0;

  constructor(json: Buffer, names: readonly Name[]) {
    this.#json = json;
    this.#names = names.map((name) => [name, ascii(name)]);
    this.#found = Object.fromEntries(names.map((name) => [name, null])) as Members<Name>;
  }

  read(): Members<Name> | null {
    this.#space();
    const isWhole = this.#peek() === 0x7b && this.#value(0);
    this.#space();
    return isWhole && this.#at === this.#json.length ? this.#found : null;
  }

  #peek(): number {
    return this.#json[this.#at] ?? -1;
  }

  #takes(octet: number): boolean {
    if (this.#peek() !== octet) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    while ([0x20, 0x09, 0x0a, 0x0d].includes(this.#peek())) this.#at++;
  }

  #value(depth: number): boolean {
    if (depth > MAX_DEPTH) return false;
    const first = this.#peek();
    if (first === 0x7b) return this.#list(0x7d, () => this.#member(depth));
    if (first === 0x5b) return this.#list(0x5d, () => this.#value(depth + 1));
    if (first === 0x22) return this.#text() !== null;
    if (first === 0x2d || isDigit(first)) return this.#number();
    return LITERALS.some((literal) => this.#literal(literal));
  }

  /** What stands between brackets, with commas between. */
  #list(end: number, item: () => boolean): boolean {
    this.#at++;
    this.#space();
    if (this.#takes(end)) return true;
    do {
      this.#space();
      if (!item()) return false;
      this.#space();
    } while (this.#takes(0x2c));
    return this.#takes(end);
  }

  #member(depth: number): boolean {
    const name = this.#text();
    if (name === null) return false;
    this.#space();
    if (!this.#takes(0x3a)) return false;
    this.#space();
    const start = this.#at;
    if (!this.#value(depth + 1)) return false;
    return depth > 0 || this.#count(name, this.#json.subarray(start, this.#at));
  }

  /** Keeps a member that counts. Twice, it could be read differently by two readers. */
  #count(name: Buffer, value: Buffer): boolean {
    const [known] = this.#names.find(([, octets]) => isText(name, octets, false)) ?? [];
    if (known === undefined) return true;
    if (this.#found[known] !== null) return false;
    this.#found[known] = value;
    return true;
  }

  #text(): Buffer | null {
    if (!this.#takes(0x22)) return null;
    const start = this.#at;
    for (;;) {
      const octet = this.#peek();
      if (octet < 0x20) return null;
      this.#at++;
      if (octet === 0x22) return this.#json.subarray(start, this.#at - 1);
      if (octet === 0x5c && !this.#escape()) return null;
    }
  }

  #escape(): boolean {
    if (!this.#takes(0x75)) return ESCAPES.has(this.#json[this.#at++] ?? -1);
    const end = this.#at + 4;
    while (this.#at < end) if (hexDigit(this.#json[this.#at++]) < 0) return false;
    return true;
  }

  #number(): boolean {
    this.#takes(0x2d);
    if (!this.#takes(0x30) && !this.#digits()) return false;
    if (this.#takes(0x2e) && !this.#digits()) return false;
    if (!this.#takes(0x65) && !this.#takes(0x45)) return true;
    if (!this.#takes(0x2b)) this.#takes(0x2d);
    return this.#digits();
  }

  #digits(): boolean {
    const start = this.#at;
    while (isDigit(this.#peek())) this.#at++;
    return this.#at > start;
  }

  #literal(literal: Uint8Array): boolean {
    const end = this.#at + literal.length;
    if (!literal.every((octet, index) => this.#json[this.#at + index] === octet)) return false;
    this.#at = end;
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

export function isDigit(octet: number): boolean {
  return octet >= 0x30 && octet <= 0x39;
}

function hexDigit(octet = -1): number {
  if (isDigit(octet)) return octet - 0x30;
  const letter = octet | 0x20;
  return octet > 0 && letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
