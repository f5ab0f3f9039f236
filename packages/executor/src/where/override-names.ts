/**
 * Readers of field names in bodies as servers parse them, octet by octet as the body streams by: forms, multipart, JSON.
 * Never keeps more than the start of one name, and knows one question only: is it a method override (`_method`)?
 */
import { isOverrideField } from '@dauth/protocol';

/** Longer names are no override in any spelling. */
const MAX_NAME = 64;

export interface Names {
  /** True where an override field begins in what was seen so far. */
  takes(chunk: Buffer): boolean;
  /** True where the end of the body makes one of what was seen last. */
  ends(): boolean;
}

/** `application/x-www-form-urlencoded`, with `;` as a separator too. */
export class UrlencodedNames implements Names {
  #name: string | undefined = '';

  takes(chunk: Buffer): boolean {
    for (const octet of chunk) {
      const isBreak = octet === 0x26 || octet === 0x3b;
      if ((isBreak || octet === 0x3d) && this.ends()) return true;
      if (isBreak) this.#name = '';
      else if (octet === 0x3d) this.#name = undefined;
      else if (this.#name !== undefined) {
        this.#name += String.fromCharCode(octet);
        if (this.#name.length > MAX_NAME && this.#isOverlong()) return true;
      }
    }
    return false;
  }

  ends(): boolean {
    return this.#name !== undefined && isOverrideField(this.#name);
  }

  /** PHP cuts blanks off a name's start, Rack brackets, and both a name at its first `[`, so none of it may push `_method` out of our sight. */
  #isOverlong(): boolean {
    if (this.ends()) return true;
    const rest = this.#name!.replace(/^(?:[+\s.[\]]|%20|%2[bBeE]|%5[bBdD]|%0[9a-dA-D])+/, '');
    this.#name = rest.length < MAX_NAME / 2 ? rest : undefined;
    return false;
  }
}

/** Takes part names as they are after quotes, backslashes and blanks are gone: servers differ in what these mean. */
export class MultipartNames implements Names {
  #tail = '';

  takes(chunk: Buffer): boolean {
    const text = this.#tail + chunk.toString('latin1').replaceAll(/[\s"\\]/g, '');
    this.#tail = text.slice(-MAX_NAME);
    // Anywhere: a part's own text that spells it out is refused too, and so are names in pieces (RFC 2231 §3).
    return /name\*?=(?:[\w-]*'[\w-]*')?(?:[[\]]|%5b|%5d)*(?:[_.]|%5f|%2e)method|(?<!file)name\*0/i.test(text);
  }

  ends(): boolean {
    return false;
  }
}

/** Member names of JSON at any depth, with every character possibly escaped (RFC 8259 §7). */
export class JsonNames implements Names {
  readonly #refusesNul: boolean;
  #inString = false;
  #isEscaped = false;
  /** The string being read, or the one read last while a colon may still make it a name. */
  #name: string | undefined;

  /** @param refusesNul for a body that says it is JSON: octets of zero are UTF-16 or UTF-32, which some readers take */
  constructor(refusesNul: boolean) {
    this.#refusesNul = refusesNul;
  }

  takes(chunk: Buffer): boolean {
    for (const octet of chunk) {
      if (octet === 0 && this.#refusesNul) return true;
      if (this.#inString) this.#inside(octet);
      else if (octet === 0x22) [this.#inString, this.#name] = [true, ''];
      else if (octet === 0x3a && this.#isOverride()) return true;
      else if (octet > 0x20) this.#name = undefined;
    }
    return false;
  }

  ends(): boolean {
    return false;
  }

  #inside(octet: number): void {
    if (octet === 0x22 && !this.#isEscaped) {
      this.#inString = false;
      return;
    }
    this.#isEscaped = octet === 0x5c && !this.#isEscaped;
    if (this.#name === undefined) return;
    this.#name = this.#name.length < MAX_NAME ? this.#name + String.fromCharCode(octet) : undefined;
  }

  #isOverride(): boolean {
    const name = this.#name?.replaceAll(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return name?.toLowerCase() === '_method';
  }
}
