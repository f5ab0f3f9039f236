/**
 * A walk through one JSON text (RFC 8259), octet by octet, that tells of each member as it comes by.
 * Never makes a string or a JSON value of anything in it: it may hold a credential.
 */

import { scrubRegisters } from './registers.ts';

/** Who walks along. Either may say no, and the text is not taken. */
export interface JsonVisitor {
  /** Ahead of a value: its name without its quotes, or null for an item of a list. `depth` is 0 for members of the whole. */
  readonly entering: (name: Buffer | null, depth: number) => boolean;
  /** Behind the value of a member, as it stands there: a text with its quotes. */
  readonly left: (name: Buffer, value: Buffer, depth: number) => boolean;
}

/** RFC 8259 §7, without `u`. */
export const ESCAPES: ReadonlyMap<number, number> = new Map(
  Object.entries({ '"': 0x22, '\\': 0x5c, '/': 0x2f, b: 8, f: 12, n: 10, r: 13, t: 9 }).map(([name, octet]) => [
    name.charCodeAt(0),
    octet,
  ]),
);
const LITERALS = ['true', 'false', 'null'].map(ascii);
/** As for JSON everywhere here (§1.1). */
const MAX_DEPTH = 32;

const [OBJECT, LIST] = [0x7b, 0x5b];

/** @returns whether it is one whole JSON object, of which the visitor took everything */
export function walkObject(json: Buffer, visitor: JsonVisitor): boolean {
  return new Walk(json, visitor).walk([OBJECT]);
}

/** As `walkObject`, of a list too. */
export function walkJson(json: Buffer, visitor: JsonVisitor): boolean {
  return new Walk(json, visitor).walk([OBJECT, LIST]);
}

/** A position in JSON, which only moves on over what is well-formed. */
class Walk {
  readonly #json: Buffer;
  readonly #visitor: JsonVisitor;
  #at = 0;

  constructor(json: Buffer, visitor: JsonVisitor) {
    this.#json = json;
    this.#visitor = visitor;
  }

  walk(kinds: readonly number[]): boolean {
    this.#space();
    const isTaken = kinds.includes(this.#peek()) && this.#value(0);
    this.#space();
    scrubRegisters();
    return isTaken && this.#at === this.#json.length;
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
    if (first === OBJECT) return this.#list(0x7d, () => this.#member(depth));
    if (first === LIST) return this.#list(0x5d, () => this.#visitor.entering(null, depth) && this.#value(depth + 1));
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
    if (!this.#visitor.entering(name, depth) || !this.#value(depth + 1)) return false;
    return this.#visitor.left(name, this.#json.subarray(start, this.#at), depth);
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

export function isDigit(octet: number): boolean {
  return octet >= 0x30 && octet <= 0x39;
}

export function hexDigit(octet = -1): number {
  if (isDigit(octet)) return octet - 0x30;
  const letter = octet | 0x20;
  return octet > 0 && letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
