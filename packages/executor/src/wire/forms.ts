/**
 * Every form in which an answer could give a secret back (security.md `response.clean`): raw, percent, JSON, base64 at
 * any alignment, hex, UTF-16, HTML. Never plain at rest: between two looks the forms lie under a random mask.
 */
import { randomFillSync } from 'node:crypto';
import { LIMITS } from '@dauth/protocol';
import { unfit } from '../secret/fill.ts';
import { compareOctets, ownedBytes, placeOf, wipe } from '../secret/memory.ts';
import { scrubRegisters } from '../secret/registers.ts';
import { ByteWriter } from '../secret/writer.ts';
import { Sieve } from './sieve.ts';
import { writeForms, writeLineForms } from './spellings.ts';

/** The forms of some secrets, in one owned block that is masked but while it is lent. */
export class Forms {
  readonly #block: Buffer;
  readonly #mask: Buffer;
  readonly #forms: readonly Buffer[];
  #sieve: Sieve | undefined;
  /** Octets of the longest form. */
  readonly longest: number;
  /** Octets of the longest form with a line end in it (UTF-16 of some scripts has such an octet, and a derived key may). */
  readonly longestAcrossLines: number;

  /**
   * Reads what it is given and leaves zeroing it to the caller.
   * @param lines text in base64 that stands in lines, whose ends every writer spells its own way
   * @throws DAuthError `POLICY_DENIED` for one that is too short: some form of it would be empty, and stand everywhere
   */
  constructor(secrets: readonly Uint8Array[], lines: readonly Uint8Array[] = []) {
    if ([...secrets, ...lines].some(({ length }) => length < LIMITS.shortestValue))
      throw unfit('is too short to be recognized in an answer');
    using writer = new ByteWriter(4096);
    const places: Place[] = [];
    for (const secret of secrets) places.push(...placesOf(writer, (end) => writeForms(writer, secret, end)));
    for (const line of lines) places.push(...placesOf(writer, (end) => writeLineForms(writer, line, end)));
    while (writer.length % 4 !== 0) writer.octet(0);
    this.#block = writer.take();
    const all = places.map(({ start, end }) => this.#block.subarray(start, end));
    // The longest first, so that a form inside another one is found inside what is redacted already. Equal ones stand beside each
    // other then: whoever seals decides how many there are, so that each is not compared with all.
    this.#forms = all
      .sort((a, b) => b.length - a.length || compareOctets(a, b))
      .filter((form, index) => index === 0 || compareOctets(form, all[index - 1]!) !== 0);
    this.longest = this.#forms[0]?.length ?? 0;
    this.longestAcrossLines = this.#forms.find((form) => placeOf(form, 0x0a) >= 0)?.length ?? 0;
    this.#mask = randomFillSync(ownedBytes(this.#block.length));
    this.#flip();
  }

  /** By which places are found that are worth a look at the forms. */
  get sieve(): Sieve {
    return (this.#sieve ??= this.lend((forms) => new Sieve(forms)));
  }

  /** Lends the plain forms for one synchronous look. */
  lend<T>(look: (forms: readonly Buffer[]) => T): T {
    this.#flip();
    try {
      return look(this.#forms);
    } finally {
      this.#flip();
    }
  }

  [Symbol.dispose](): void {
    this.#sieve?.[Symbol.dispose]();
    wipe(this.#block, this.#mask);
  }

  #flip(): void {
    // Whole words: the forms of long values are a quarter of a megabyte, and every look passes over them twice.
    const [block, mask] = [new Uint32Array(this.#block.buffer), new Uint32Array(this.#mask.buffer)];
    for (let i = 0; i < block.length; i++) block[i]! ^= mask[i]!;
    // Searching leaves pieces of the forms there.
    scrubRegisters();
  }
}

/** Where a form stands in what is written. */
interface Place {
  readonly start: number;
  readonly end: number;
}

/** Most writers escape nothing of most secrets: what stands there already is taken back. */
function placesOf(out: ByteWriter, write: (end: () => void) => void): readonly Place[] {
  const places: Place[] = [];
  let start = out.length;
  write(() => {
    const end = out.length;
    if (places.some((one) => one.end - one.start === end - start && out.isRepeated(start, one.start)))
      out.takeBack(start);
    else places.push({ start, end });
    start = out.length;
  });
  return places;
}
