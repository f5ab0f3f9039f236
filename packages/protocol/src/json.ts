/**
 * Strict JSON for security objects: size first, one spelling per member name, bounded depth, null-prototype objects.
 * Never lenient: a duplicate member is refused, since two readers of one signed text could pick different ones (RFC 8259 §4).
 */
import { DAuthError } from './errors.ts';

/** A JSON object as this parser makes it: no prototype, so no lookup can reach `Object.prototype`. */
export interface JsonObject {
  readonly [name: string]: unknown;
}

/**
 * How a number may be spelled. `one-spelling`: an integer as `JSON.stringify` writes it, so `1.0`, `1e3`, `-0` and digits
 * that a double cannot hold are refused. `kept`: any spelling of a number that is written again as the same number.
 * `any`: whatever RFC 8259 §6 allows, for a document that is checked and goes on as the octets it came in.
 */
type NumberRule = 'one-spelling' | 'kept' | 'any';

/** Reading goes on in one piece, so what one text may take is bounded: about 100 ms. A vector of numbers has a few thousand. */
const MAX_VALUES = 250_000;
/** Deeper nesting than this has no use in any DAuth document. */
const MAX_DEPTH = 32;

/** True for a plain JSON object (not null, not an array). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Parses JSON text.
 * @param maxLength in UTF-16 units, compared before a character is looked at
 * @param numbers default `one-spelling`
 * @param maxValues scalars, lists and objects, in all
 * @throws DAuthError `PAYLOAD_TOO_LARGE` past `maxLength`; `INVALID_REQUEST` for anything but strict JSON
 */
export function parseJson(
  text: string,
  maxLength: number,
  numbers: NumberRule = 'one-spelling',
  maxValues = MAX_VALUES,
): unknown {
  if (text.length > maxLength) throw new DAuthError('PAYLOAD_TOO_LARGE', 'A JSON document is larger than allowed.');
  const reader = new Reader(text, numbers, maxValues);
  const value = reader.value(0);
  reader.end();
  return value;
}

// RFC 8259 §6 and §7, each anchored at the reader's position.
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// oxlint-disable-next-line no-control-regex -- RFC 8259 §7 names exactly these as not allowed unescaped
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

class Reader {
  readonly #text: string;
  readonly #numbers: NumberRule;
  readonly #maxValues: number;
  #at = 0;
  #values = 0;

  constructor(text: string, numbers: NumberRule, maxValues: number) {
    this.#text = text;
    this.#numbers = numbers;
    this.#maxValues = maxValues;
  }

  value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw malformed('A JSON document is nested too deeply.');
    if (++this.#values > this.#maxValues) throw malformed('A JSON document has more values than allowed.');
    this.#space();
    const result = this.#bare(depth);
    this.#space();
    return result;
  }

  end(): void {
    if (this.#at !== this.#text.length) throw malformed();
  }

  #bare(depth: number): unknown {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonObject {
    const object: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    this.#at++;
    this.#space();
    if (this.#take('}')) return object;
    for (;;) {
      this.#space();
      const name = this.#string();
      // `__proto__` would be an ordinary member here, but not in whoever copies this object next.
      if (name === '__proto__' || name in object) throw malformed('A JSON object has a duplicate or forbidden member.');
      this.#space();
      if (!this.#take(':')) throw malformed();
      object[name] = this.value(depth + 1);
      if (this.#take('}')) return object;
      if (!this.#take(',')) throw malformed();
    }
  }

  #array(depth: number): unknown[] {
    const array: unknown[] = [];
    this.#at++;
    this.#space();
    if (this.#take(']')) return array;
    for (;;) {
      array.push(this.value(depth + 1));
      if (this.#take(']')) return array;
      if (!this.#take(',')) throw malformed();
    }
  }

  #string(): string {
    const literal = this.#match(STRING);
    if (literal === undefined) throw malformed();
    const text = literal.includes('\\') ? (JSON.parse(literal) as string) : literal.slice(1, -1);
    if (!text.isWellFormed()) throw malformed('A JSON string holds a lone surrogate.');
    return text;
  }

  #number(): number {
    const literal = this.#match(NUMBER);
    if (literal === undefined) throw malformed();
    const value = Number(literal);
    if (this.#numbers === 'any') return value;
    if (!Number.isFinite(value)) throw malformed('A JSON number is out of range.');
    // The usual spelling needs no closer look: a document of numbers would hold up everybody else.
    if (literal === String(value)) return value;
    // A second spelling, or an integer that only one of two readers rounds, is a second meaning for a signed time (§1.1).
    if (this.#numbers === 'one-spelling' && Number.isInteger(value))
      throw malformed('An integer in a JSON document is not in plain digits.');
    // What is read here may be written again: a number that would come out as another one must not come in.
    if (significantDigits(literal) !== significantDigits(String(value)))
      throw malformed('A JSON number has more digits than can be kept; write it as a string.');
    return value;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw malformed();
    this.#at += word.length;
    return value;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** RFC 8259 §2. */
  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}

/** A number's digits without sign, point, exponent and the zeros around them; in one pass, for a document may be full of them. */
function significantDigits(literal: string): string {
  let digits = '';
  let zeros = 0;
  for (const character of literal) {
    if (character === 'e' || character === 'E') break;
    if (character === '-' || character === '.') continue;
    if (character === '0') {
      if (digits !== '') zeros++;
      continue;
    }
    digits += '0'.repeat(zeros) + character;
    zeros = 0;
  }
  return digits;
}

function malformed(detail = 'A JSON document is not well-formed.'): DAuthError {
  return new DAuthError('INVALID_REQUEST', detail);
}
