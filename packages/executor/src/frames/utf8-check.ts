/**
 * Whether octets that come in pieces are UTF-8 (RFC 3629 §4): no overlong forms, no surrogates, nothing beyond U+10FFFF.
 * Never a string: what is looked at may be a credential.
 */
export class Utf8Check {
  /** Octets that are still due of a character, and between which two the next one lies. */
  #due = 0;
  #least = 0x80;
  #most = 0xbf;

  /** Whether nothing is due. */
  get isWhole(): boolean {
    return this.#due === 0;
  }

  /** @returns false where no further octets can make it UTF-8 */
  takes(octets: Uint8Array): boolean {
    for (let i = 0; i < octets.length; i++) {
      const octet = octets[i]!;
      if (this.#due > 0) {
        if (octet < this.#least || octet > this.#most) return false;
        this.#due--;
        this.#least = 0x80;
        this.#most = 0xbf;
      } else if (octet >= 0x80 && !this.#begins(octet)) return false;
    }
    return true;
  }

  #begins(lead: number): boolean {
    if (lead < 0xc2 || lead > 0xf4) return false;
    this.#due = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (lead === 0xe0) this.#least = 0xa0;
    if (lead === 0xed) this.#most = 0x9f;
    if (lead === 0xf0) this.#least = 0x90;
    if (lead === 0xf4) this.#most = 0x8f;
    return true;
  }
}
