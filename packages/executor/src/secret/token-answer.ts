/**
 * Reads a token endpoint's answer (RFC 6749 §5.1, §5.2) octet by octet: one JSON object, of which few members count.
 * Never makes a string or a JSON value of anything in it: its members are credentials.
 */
import { LIMITS } from '@dauth/protocol';
import { ownedBytes, wipe } from './memory.ts';

export interface TokenAnswer {
  /** Owned memory which the caller zeroes. */
  readonly token: Buffer;
  /** Seconds; null where it is not there, or no plain integer of seconds. */
  readonly expiresIn: number | null;
}

/** What a refresh token was exchanged for. */
export interface RefreshAnswer extends TokenAnswer {
  /** The next refresh token, in owned memory which the caller zeroes; null where the one that was shown stays. */
  readonly refresh: Buffer | null;
}

/** Views into the answer, without the quotes. */
type Text = Buffer;
interface Found {
  access_token: Text | null;
  token_type: Text | null;
  expires_in: Buffer | null;
  refresh_token: Text | null;
  error: Text | null;
}
type Name = keyof Found;

const NAMES: Readonly<Record<Name, Uint8Array>> = {
  access_token: ascii('access_token'),
  token_type: ascii('token_type'),
  expires_in: ascii('expires_in'),
  refresh_token: ascii('refresh_token'),
  error: ascii('error'),
};
const OF_TOKENS: readonly Name[] = ['access_token', 'token_type', 'expires_in'];
const BEARER = ascii('bearer');
const INVALID_GRANT = ascii('invalid_grant');
const NULL = Buffer.from('null', 'latin1');
const LITERALS = ['true', 'false', 'null'].map(ascii);
/** RFC 8259 §7, without `u`. */
const ESCAPES: ReadonlyMap<number, number> = new Map(
  Object.entries({ '"': 0x22, '\\': 0x5c, '/': 0x2f, b: 8, f: 12, n: 10, r: 13, t: 9 }).map(([name, octet]) => [
    name.charCodeAt(0),
    octet,
  ]),
);
/** As for JSON everywhere here (§1.1). */
const MAX_DEPTH = 32;
/** Longer than any name or type that counts, escaped octet by octet. */
const MAX_ESCAPED = 6;

/**
 * @returns null where it is no such answer: not JSON, another token type, a member twice, or a token with octets that no
 * Authorization header carries
 */
export function readTokenAnswer(answer: Buffer): TokenAnswer | null {
  return readFound(read(answer, OF_TOKENS));
}

/** As `readTokenAnswer`, for a refresh token (RFC 6749 §6); null also where the next one has octets that none has. */
export function readRefreshAnswer(answer: Buffer): RefreshAnswer | null {
  const found = read(answer, [...OF_TOKENS, 'refresh_token']);
  const said = readFound(found);
  if (said === null) return null;
  if (found?.refresh_token == null || found.refresh_token.length === 0) return { ...said, refresh: null };
  const refresh = decodeText(found.refresh_token);
  if (refresh?.every(isVschar) === true) return { ...said, refresh };
  wipe(said.token, refresh);
  return null;
}

/** Whether a refusal says that the grant behind the refresh token is gone (RFC 6749 §5.2). */
export function isInvalidGrant(answer: Buffer): boolean {
  const error = read(answer, ['error'])?.error ?? null;
  return error !== null && isText(error, INVALID_GRANT, false);
}

function read(answer: Buffer, names: readonly Name[]): Found | null {
  return answer.length > LIMITS.tokenAnswer ? null : new Reader(answer, names).read();
}

function readFound(found: Found | null): TokenAnswer | null {
  if (found?.access_token == null || found.token_type == null) return null;
  if (!isText(found.token_type, BEARER, true)) return null;
  const token = decodeText(found.access_token);
  if (token === null || token.length === 0 || !token.every(isVisible)) {
    wipe(token);
    return null;
  }
  return { token, expiresIn: found.expires_in === null ? null : seconds(found.expires_in) };
}

/** RFC 6749 Appendix A.12 without the space, which would end it in a header. */
function isVisible(octet: number): boolean {
  return octet >= 0x21 && octet <= 0x7e;
}

/** RFC 6749 Appendix A.17. */
function isVschar(octet: number): boolean {
  return octet >= 0x20 && octet <= 0x7e;
}

/** A position in JSON (RFC 8259), which only moves on over what is well-formed. */
class Reader {
  readonly #json: Buffer;
  readonly #names: readonly Name[];
  readonly #found: Found = { access_token: null, token_type: null, expires_in: null, refresh_token: null, error: null };
  #at = 0;

  /** @param names the members that count */
  constructor(json: Buffer, names: readonly Name[]) {
    this.#json = json;
    this.#names = names;
  }

  read(): Found | null {
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

  /** Keeps a member that counts. Twice, or of another type, it could be read differently by two readers. */
  #count(name: Text, value: Buffer): boolean {
    const known = this.#names.find((key) => isText(name, NAMES[key], false));
    if (known === undefined) return true;
    if (this.#found[known] !== null) return false;
    if (known === 'expires_in') this.#found[known] = value;
    else if (value[0] === 0x22) this.#found[known] = value.subarray(1, -1);
    // Nothing, said aloud.
    else if (known === 'refresh_token' && NULL.equals(value)) this.#found[known] = value.subarray(0, 0);
    else return false;
    return true;
  }

  #text(): Text | null {
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

/** Octets of a text as they are meant; null where one is beyond ASCII. */
function decodeText(text: Text): Buffer | null {
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
  whole.copy(decoded, 0, 0, length);
  wipe(whole);
  return decoded;
}

function isText(text: Text, wanted: Uint8Array, ignoresCase: boolean): boolean {
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
function unitAt(text: Text, at: number): number {
  let unit = 0;
  for (let index = 0; index < 4; index++) unit = unit * 16 + hexDigit(text[at + index]);
  return unit;
}

/** A plain integer; as many digits as no clock needs are no time. */
function seconds(number: Buffer): number | null {
  if (number.length > 15 || !number.every(isDigit)) return null;
  return number.reduce((sum, digit) => sum * 10 + (digit - 0x30), 0);
}

function isDigit(octet: number): boolean {
  return octet >= 0x30 && octet <= 0x39;
}

function hexDigit(octet = -1): number {
  if (isDigit(octet)) return octet - 0x30;
  const letter = octet | 0x20;
  return octet > 0 && letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
